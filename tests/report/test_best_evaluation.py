"""Every reader of a run names the same best evaluation, and names none where no evaluation is a number."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from runner.insight.curves import EvalPoint, best_of, finite, least_loss
from runner.insight.diagnosis import diagnose
from runner.insight.drawn import drawn
from runner.report import comparison, write
from runner.store import disk_usage
from runner.store.directory import RunDirectory, write_json
from runner.store.history import read_history
from runner.store.summary import summarise
from tests.run.scenes import Event, end, evaluation, made_run, phase, plan, step
from tests.run.test_disk_usage import checkpoint
from tests.tui.conftest import running, shows
from tui.cli import cli
from tui.services.run_reader import read_view
from tui.widgets.run_panel import losses

RESUME: Event = {"type": "resume", "step": 8}
STEPS = [step(number, 2.0 - number / 50) for number in range(1, 31)]
# What a log holds, and its best evaluation: (step, loss), or None.
LOGS: dict[str, tuple[list[Event], tuple[int, float] | None]] = {
    "none": ([*STEPS], None),
    "all NaN": ([*STEPS[:20], evaluation(10, "NaN"), evaluation(20, "NaN")], None),
    "all infinite": ([*STEPS[:20], evaluation(10, "Infinity"), evaluation(20, "-Infinity")], None),
    "only one, taken back by a resume": ([*STEPS[:10], evaluation(10, 1.5), RESUME, *STEPS[8:12]], None),
    "only one, before the resume": ([*STEPS[:8], evaluation(5, 1.5), RESUME, *STEPS[8:12]], (5, 1.5)),
    "only one, after the resume": ([*STEPS[:10], RESUME, *STEPS[8:20], evaluation(20, 1.25)], (20, 1.25)),
    "one taken back, one NaN": ([*STEPS[:10], evaluation(10, 1.5), RESUME, evaluation(9, "NaN")], None),
    "NaN first": ([*STEPS, evaluation(10, "NaN"), evaluation(20, 1.75), evaluation(30, 1.5)], (30, 1.5)),
    "NaN last": ([*STEPS, evaluation(10, 1.75), evaluation(20, 1.5), evaluation(30, "NaN")], (20, 1.5)),
    "infinite below": ([*STEPS, evaluation(10, "-Infinity"), evaluation(20, 1.5)], (20, 1.5)),
    "equal ones": ([*STEPS, evaluation(10, 1.5), evaluation(20, 1.5), evaluation(30, 1.75)], (10, 1.5)),
    "a set of another name": (
        [*STEPS, evaluation(10, 1.25, "chat"), evaluation(20, 1.5, "chat")],
        (10, 1.25),
    ),
}
SAVED = (5, 9, 10, 20, 30)

logs = pytest.mark.parametrize("log", LOGS)


def made(home: Path, log: str) -> tuple[RunDirectory, tuple[int, float] | None]:
    events, best = LOGS[log]
    run = made_run(home, phase("training"), plan(30), *events, *end("finished"))
    for saved in SAVED:
        checkpoint(run, saved)
    return run, best


def output(*arguments: str) -> str:
    done = CliRunner().invoke(cli, list(arguments))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.output


@logs
def test_readers_of_values_agree(home: Path, log: str) -> None:
    run, best = made(home, log)
    history = read_history(run)
    curves = history.curves()
    verdict = diagnose(curves)
    state = summarise(history, verdict)
    found = {
        "curves": curves.best,
        "chart": drawn(curves).best,
        "comparison": comparison.read(run).best,
        "screen": read_view(run).curves.best,
    }
    places = {name: (point.step, point.loss) if point is not None else None for name, point in found.items()}
    assert set(places.values()) == {best}, places
    assert (state["best_step"], state["best_loss"]) == (best or (None, None))
    assert json.dumps(state, allow_nan=False)
    kept = {*SAVED} - {one.step for one in disk_usage.removable(run)}
    assert kept == ({30, best[0]} if best is not None else {30})
    # Of runs that are long enough to be judged the verdict names it too.
    if verdict.keep_step is not None:
        assert best is not None
        assert verdict.keep_step == best[0]


@logs
def test_words_name_the_same(home: Path, log: str) -> None:
    run, best = made(home, log)
    shown = f"best {best[1]:.4f} at step {best[0]}" if best is not None else None
    for verb in ("show", "diagnose"):
        text = " ".join(output(verb, run.id).split())
        assert (shown in text) if shown else not re.search(r"best \d", text), text
        output(verb, run.id, "--json")
    report = write(run).read_text(encoding="utf-8")
    assert (shown in report) if shown else "best" not in report
    assert (">best" in (run.path / "curve.svg").read_text(encoding="utf-8")) == (best is not None)
    history = read_history(run)
    write_json(run.state, summarise(history, diagnose(history.curves())))
    columns = re.split(r"\s{2,}", output("ls").splitlines()[1])
    assert columns[4] == (f"{best[1]:.4g}" if best is not None else "–")
    words = f"{best[1]:.4f} @{best[0]}" if best is not None else None
    compared = output("compare", run.id, run.id)
    assert (words in compared) if words else "@" not in compared
    watched = output("watch", run.id, "--plain")
    assert (f"(best {words})" in watched) if words else "best" not in watched
    panel = " ".join(part.plain for part in losses(read_view(run)))
    assert (f"(best {words})" in panel) if words else "best" not in panel


@pytest.mark.parametrize("log", ["all NaN", "NaN first", "one taken back, one NaN"])
async def test_the_screen_draws_it(home: Path, log: str) -> None:
    _, best = made(home, log)
    async with running() as (_, pilot):
        await shows(pilot, f"(best {best[1]:.4f} @{best[0]})" if best is not None else "held-out NaN")


def test_no_evaluation_is_the_best_of_none() -> None:
    nothing = [EvalPoint(1, float("nan")), EvalPoint(2, float("inf"))]
    for points in ([], nothing):
        assert best_of(points) is None
        assert finite(points) == []
        assert not least_loss(points) <= float("inf")
    assert best_of(iter([*nothing, EvalPoint(3, 2.0)])) == EvalPoint(3, 2.0)
