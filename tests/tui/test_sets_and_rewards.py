"""Runs with several held-out sets, and runs that are judged by a reward: on the screen, in the list and in text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from runner.report import write
from runner.store.directory import RunDirectory
from tests.run.scenes import end, evaluation, phase, plan, step
from tests.tui.conftest import running, screen_text, shows, until
from tests.tui.made import made, rewarded, several_sets
from tui.cli import cli
from tui.screens.evidence import EvidenceScreen
from tui.services.run_reader import read_row
from tui.widgets.marks import verdict_mark

SIZES = [(80, 24), (120, 40)]
RESUMED = "20261124-170000-resumed-0009"

sizes = pytest.mark.parametrize("size", SIZES, ids=str)


def ftui(*arguments: str) -> str:
    done = CliRunner().invoke(cli, [*arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.output


def none_left(home: Path) -> RunDirectory:
    """A run whose evaluations were all made after the step it was resumed at; a second set has none that is finite."""
    events = [evaluation(10, 1.5), evaluation(5, "NaN", "code"), {"type": "resume", "step": 8}]
    return made(home, RESUMED, phase("training"), plan(), *events, step(9, 2.0), *end("stopped"))


@sizes
async def test_each_set_is_drawn_and_named(home: Path, size: tuple[int, int]) -> None:
    several_sets(home)
    async with running(size) as (_, pilot):
        text = await shows(
            pilot, "◆ chat", "■ code", "chat 1.5300 (best 1.2000 @30)", "code 1.1000 (best 1.1000 @90)"
        )
        assert sum("■" in line for line in text.splitlines()) > 2
        assert "eval" not in text.replace("train rows", "")[: text.index("Verdict")]


@sizes
async def test_the_evidence_is_about_the_set_that_rises(home: Path, size: tuple[int, int]) -> None:
    several_sets(home)
    async with running(size) as (app, pilot):
        await shows(pilot, "OVERFITTING since step 30")
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, EvidenceScreen))
        await shows(pilot, "best held-out loss", "1.2 nats a token", "★ 1.2")
        await pilot.press("pagedown")
        await shows(pilot, "◆ chat", "◇ training rows, same weights")
        await pilot.press("pagedown")
        await shows(pilot, "accuracy 0.49 at step 90, 0.43 at step 30, where the loss is best")
        await shows(pilot, "ftui explain overfitting")


@sizes
async def test_a_reward_is_the_main_line(home: Path, size: tuple[int, int]) -> None:
    rewarded(home)
    async with running(size) as (_, pilot):
        text = await shows(
            pilot, "─ reward", "reward 0.1143 → 0.8 (best 0.82 @50)", "Verdict: healthy", "KL", "entr", "len"
        )
        axis = next(line for line in text.splitlines() if "step 60 │" in line)
        assert "reward" in axis
        # The highest value of the scale is a reward, not a loss of at most 0.06.
        highest = next(line for line in text.splitlines() if "┤" in line)
        assert 0.7 < float(highest[: highest.index("┤")].split()[-1]) < 0.9
        assert "eval" not in text[: text.index("Verdict")]
        await pilot.press("left_square_bracket")
        await shows(pilot, "reward 0.8 ")


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_a_run_without_any_evaluation_left_is_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch, ascii_only: bool
) -> None:
    if ascii_only:
        monkeypatch.setattr("tui.glyphs._chosen", None)
        monkeypatch.setenv("FTUI_ASCII", "1")
    none_left(home)
    async with running() as (_, pilot):
        text = await shows(pilot, "held-out NaN", "train 2.0000")
        assert "best" not in text.split("Verdict")[0].replace("best eval", "").replace("@ best", "").replace(
            "★ best", ""
        )


def test_verbs_list_each_set_and_what_was_measured(home: Path) -> None:
    run = several_sets(home)
    for verb in ("show", "diagnose"):
        text = " ".join(ftui(verb, run.id).split())
        assert "chat 2.5000 → 1.5300, best 1.2000 at step 30, 10 evaluations, 1 not finite" in text
        assert "code 2.0000 → 1.1000, best 1.1000 at step 90, 10 evaluations" in text
        assert "chat accuracy 0.49 at step 90, 0.43 at step 30, where the loss is best" in text
        assert "runtime" not in text
        told = json.loads(ftui(verb, run.id, "--json"))
        assert told["task"] == "supervised"
        assert told["eval_metrics"]["code"]["accuracy"]["value"][-1] == pytest.approx(0.68)
    assert "1.2" in ftui("ls")
    assert read_row(run).best_loss == 1.2


def test_verbs_say_what_a_run_is_judged_by(home: Path) -> None:
    run = rewarded(home)
    for verb in ("show", "diagnose"):
        text = ftui(verb, run.id)
        assert "task       reinforcement learning, judged by reward" in text
        assert "reward     0.1143 → 0.8, highest 0.82 at step 50" in text
        assert "KL         0.001 → 0.06 (kl)" in text
        told = json.loads(ftui(verb, run.id, "--json"))
        assert told["task"] == "reinforcement"
        assert max(told["metrics"]["reward"]["value"]) == 0.82
    # Its losses are no measure, so the list neither shows nor sorts by one.
    assert read_row(run).best_loss is None
    assert max(read_row(run).losses) > 0.7


def test_a_resume_that_leaves_no_evaluation_is_no_error(home: Path) -> None:
    run = none_left(home)
    for words in (ftui("show", run.id), ftui("diagnose", run.id)):
        assert "code       no finite loss in 1 evaluation" in words
        assert "\nval" not in words
    assert read_row(run).best_loss is None
    assert "held-out NaN" in ftui("watch", run.id, "--plain")
    assert "no finite loss" in write(run).read_text(encoding="utf-8")


def test_reports_have_words_and_units(home: Path) -> None:
    text = write(several_sets(home)).read_text(encoding="utf-8")
    assert "| noise of one evaluation | ±1.2 % |" in text
    assert "| 30 | 1.2, the best | 64 |" in text
    assert "| chat accuracy | 0.49 at step 90, 0.43 at step 30, where the loss is best |" in text
    assert "rise_percent" not in text
    text = write(rewarded(home)).read_text(encoding="utf-8")
    assert "| reward | 0.1143 → 0.8, highest 0.82 at step 50 |" in text
    assert ">reward</text>" in (home / "runs" / "20261124-140000-grpo-0006" / "curve.svg").read_text()


def test_runs_judged_by_different_things_are_compared_by_their_best(home: Path) -> None:
    text = ftui("compare", several_sets(home).id, rewarded(home).id)
    assert "1.2000 @30" in text
    assert "reward 0.82 @50" in text
    assert "not judged by a loss" in text


async def test_remarks_and_alarms_have_marks_of_their_own(home: Path) -> None:
    losses = [2.5, 1.8, 1.4, 1.2, 1.21, 1.24]
    events = [phase("training"), plan(), *(step(n, 2.0 - n / 80) for n in range(1, 51))]
    remark = made(
        home,
        "20261124-190000-rising-0011",
        *events,
        *(evaluation(10 * at, loss) for at, loss in enumerate(losses)),
        *end("finished"),
    )
    alarm, calm = several_sets(home), rewarded(home)
    assert [verdict_mark(read_row(run))[0] for run in (remark, alarm, calm)] == ["△", "▲", ""]
    assert ftui("status").strip() == "✔ rising 50/100 50 % 1.375 △ held-out loss up"
    assert "#[fg" not in ftui("status", "--tmux")
    async with running((80, 24)) as (app, pilot):
        text = await shows(pilot, "rising", "1.2 △", "1.2 ▲", "Verdict: held-out loss up since step 30")
        assert "HELD-OUT" not in text
        assert app.main.query_one("#verdict").has_class("remark")
        assert not app.main.query_one("#verdict").has_class("info")
        assert screen_text(pilot)
