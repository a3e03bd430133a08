"""Answers, log and comparison of runs, by keys, at every width."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from runner.store.directory import RunDirectory
from tests.run.scenes import add, end, evaluation, phase, plan, step
from tests.tui.conftest import HEALTHY, OVERFIT, running, screen_text, shows, until
from tests.tui.made import alive, grow, judged, made, sample
from tui.app import FtuiApp
from tui.screens.compare import CompareScreen
from tui.screens.log import LogScreen, LogView
from tui.screens.samples import COPIED, SamplesScreen, answer

SIZES = [(80, 24), (120, 40), (200, 50)]
RUN = "20261124-110000-a-run-0009"
WORDS = "The moon is made of rock and dust."

sizes = pytest.mark.parametrize("size", SIZES, ids=str)


def answered(home: Path) -> RunDirectory:
    """A living run with two prompts answered at steps 0, 10 and 20; the last answer is copied from row 17."""
    events: list[dict[str, Any]] = [phase("training"), plan(40)]
    for at in (0, 10, 20):
        events += [step(n, 2.0) for n in range(at - 9, at + 1) if n > 0]
        events.append(evaluation(at, 3.0 - at / 20))
        copied = {"row": [0, 17], "start": 4, "end": 24, "words": 5} if at == 20 else None
        events.append(sample(at, 0, f"{WORDS} v{at}", expected="Rock.", copied=copied))
        events.append(sample(at, 1, f"second answer v{at}", prompt="Two\nlines?"))
    return alive(made(home, RUN, *events))


async def opened(app: FtuiApp, pilot: Pilot[None], key: str, kind: type[Any], *words: str) -> None:
    await shows(pilot, *words)
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, kind))


# Answers


@sizes
async def test_answers_side_by_side(home: Path, size: tuple[int, int]) -> None:
    run = answered(home)
    async with running(size) as (app, pilot):
        await opened(app, pilot, "a", SamplesScreen, "step 20/40")
        text = await shows(pilot, "answers at step", "step 0", "step 20", f"{WORDS} v0", f"{WORDS} v20")
        assert "held-out 3.0000" in text
        assert "held-out 2.0000" in text
        assert "v10" not in text
        await shows(pilot, "5 words in a row stand in training row 17")
        await pilot.press("left")
        await until(pilot, lambda: "v10" in screen_text(pilot) and "v20" not in screen_text(pilot))
        await pilot.press("p")
        await until(pilot, lambda: "v0" not in screen_text(pilot))
        await pilot.press("right")
        await shows(pilot, f"{WORDS} v10", f"{WORDS} v20")
        await pilot.press("h", "h", "h")
        await shows(pilot, f"{WORDS} v0", f"{WORDS} v10")
        await pilot.press("l", "l", "l", "l")
        await shows(pilot, f"{WORDS} v10", f"{WORDS} v20")
        grow(run, step(21), evaluation(30, 1.5), sample(30, 0, f"{WORDS} v30"))
        await shows(pilot, " 30 ")
        await pilot.press("right")
        await shows(pilot, f"{WORDS} v30")
        await pilot.press("a")
        await until(pilot, lambda: app.screen is app.main)


def test_the_copied_part_is_marked() -> None:
    copied = {"row": [1, 4], "start": 4, "end": 8, "words": 1}
    lines = answer({"text": WORDS, "prompt": "p", "copied": copied})
    (span,) = [span for span in lines[1].spans if span.style == COPIED]
    assert lines[1].plain[span.start : span.end] == "moon"
    assert "training row mix 1: 4" in lines[2].plain


@pytest.mark.parametrize(
    "copied",
    [
        None,
        3,
        [],
        {},
        {"start": -5, "end": 900},
        {"start": "a", "end": 2},
        {"row": "x", "start": 1, "end": 2},
    ],
)
def test_an_answer_is_shown_whatever_is_said_of_it(copied: Any) -> None:
    lines = answer({"text": "words\x1b[31m of \n two lines", "prompt": None, "copied": copied})
    assert "words" in lines[1].plain
    assert "\x1b" not in lines[1].plain


def test_a_prompt_of_several_lines_stays_so() -> None:
    assert answer({"text": "x", "prompt": "one\ntwo"})[0].plain.split() == ["one", "two"]
    assert answer({"text": "x", "expected": "one\ntwo"})[-1].plain.split() == ["expected:", "one", "two"]


async def test_without_answers_it_says_where_they_come_from(overfit: RunDirectory) -> None:
    async with running() as (app, pilot):
        await shows(pilot, "OVERFITTING since step 48")
        await pilot.press("a")
        await shows(pilot, "No answers yet", "sample_prompts")
        assert app.screen is app.main


# The log


def chatty(run: RunDirectory, count: int = 150) -> None:
    bar = "".join(f"\rLoading: {n:3} %" for n in range(101))
    lines = [f"line {n} {'needle' if n in (7, 70, 149) else 'hay'}" for n in range(count)]
    run.console.write_text("\n".join([bar, *lines]) + "\n")


@sizes
async def test_the_log_is_searched(overfit: RunDirectory, size: tuple[int, int]) -> None:
    chatty(overfit)
    async with running(size) as (app, pilot):
        await opened(app, pilot, "g", LogScreen, "OVERFITTING since step 48")
        await shows(pilot, "line 149 needle", "Log of demo-overfit")
        await pilot.press("home")
        text = await shows(pilot, "Loading: 100 %", "line 1 hay")
        assert text.count("Loading:") == 1
        await pilot.press("slash", *"NEEDLE")
        await shows(pilot, "3 lines")
        await pilot.press("enter")
        await shows(pilot, "line 149 needle", "3 of 3 lines")
        await pilot.press("n")
        await shows(pilot, "line 7 needle", "1 of 3 lines")
        await pilot.press("n")
        await shows(pilot, "line 70 needle", "2 of 3 lines")
        await pilot.press("N")
        await shows(pilot, "line 7 needle", "1 of 3 lines")
        await pilot.press("N")
        await shows(pilot, "line 149 needle", "3 of 3 lines")
        await pilot.press("slash", *"[/x]")
        await shows(pilot, "0 lines")
        await pilot.press("enter", "n")
        await pilot.press("escape")
        await until(pilot, lambda: "lines" not in screen_text(pilot).splitlines()[-2])
        assert isinstance(app.screen, LogScreen)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)


async def test_the_log_follows_its_end_only_while_it_is_there(home: Path) -> None:
    run = alive(made(home, RUN, phase("training"), plan(), step(1)))
    chatty(run)
    async with running() as (app, pilot):
        await opened(app, pilot, "g", LogScreen, "step 1/100")
        await shows(pilot, "line 149")
        with run.console.open("a") as stream:
            stream.write("one more\n")
        await shows(pilot, "one more")
        await pilot.press("home")
        await shows(pilot, "line 1 hay")
        with run.console.open("a") as stream:
            stream.write("and one\n")
        view = app.screen.query_one(LogView)
        await until(pilot, lambda: view.lines[-1] == "and one")
        await pilot.pause()
        assert "and one" not in screen_text(pilot)


async def test_the_whole_log_is_there(overfit: RunDirectory) -> None:
    chatty(overfit, 1000)
    async with running() as (app, pilot):
        await opened(app, pilot, "g", LogScreen, "OVERFITTING since step 48")
        await shows(pilot, "line 999")
        await pilot.press("home")
        await shows(pilot, "Loading: 100 %", "line 1 hay")


async def test_a_mark_stays_on_its_line_while_the_log_grows(home: Path) -> None:
    run = alive(made(home, RUN, phase("training"), plan(), step(1)))
    chatty(run, 1000)
    async with running() as (app, pilot):
        await opened(app, pilot, "g", LogScreen, "step 1/100")
        await shows(pilot, "line 999")
        await pilot.press("slash", *"line 990", "enter")
        view = app.screen.query_one(LogView)
        await until(pilot, lambda: view.at is not None and view.lines[view.at].startswith("line 990 "))
        with run.console.open("a") as stream:
            stream.write("more\n" * 5)
        await until(pilot, lambda: view.lines[-1] == "more")
        assert view.at is not None
        assert view.lines[view.at].startswith("line 990 ")


async def test_wide_characters_at_the_end_of_a_log_line_can_be_reached(overfit: RunDirectory) -> None:
    overfit.console.write_text("日本" * 60 + "終\n" + "short\n")
    async with running((80, 24)) as (app, pilot):
        await opened(app, pilot, "g", LogScreen, "OVERFITTING since step 48")
        view = app.screen.query_one(LogView)
        await until(pilot, lambda: view.lines)
        view.scroll_to(x=10_000, animate=False)
        await shows(pilot, "終")


# Comparison


@sizes
async def test_two_runs_judged_by_the_same_rows(home: Path, size: tuple[int, int]) -> None:
    judged(home, "20260102-000000-first-0001", [2.0, 1.5, 1.2], [1.0, 1.2, 1.4, 1.2] * 4, "same")
    judged(home, "20260102-000001-second-0002", [2.0, 1.4, 1.0], [0.8, 1.01, 1.2, 0.99] * 4, "same")
    async with running(size) as (app, pilot):
        await shows(pilot, "step 30/30")
        await pilot.press("space", "space", "c")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        # The newer is marked first, so it is A.
        text = await shows(pilot, "A is better than B by 0.2000 ±", "on 16", "held-out rows (100")
        assert "second" in text
        assert "first" in text
        for _ in range(3):
            await pilot.press("pagedown")
        await shows(pilot, "All settings are alike")
        for key, words in (("x", "x epoch"), ("m", "smoothed more"), ("y", "linear y")):
            await pilot.press(key)
            assert words in str(app.screen.query_one("#chart").border_subtitle)
        await pilot.press("c")
        await until(pilot, lambda: app.screen is app.main)


@sizes
async def test_runs_judged_by_different_rows_are_not_compared(home: Path, size: tuple[int, int]) -> None:
    judged(home, "20260102-000000-first-0001", [2.0, 1.5, 1.2], [1.0, 1.2, 1.4, 1.2], "some")
    judged(home, "20260102-000001-second-0002", [2.0, 1.4, 1.0], [0.8, 1.01, 1.2, 0.99], "others")
    async with running(size) as (_, pilot):
        await shows(pilot, "step 30/30")
        await pilot.press("c")
        text = await shows(pilot, "different held-out rows")
        assert "better" not in text


@sizes
async def test_recorded_runs_differ_in_their_settings(store: Path, size: tuple[int, int]) -> None:
    async with running(size) as (app, pilot):
        await shows(pilot, "OVERFITTING since step 48")
        await pilot.press("c")
        await shows(pilot, "the losses of single rows were not kept", "1.8226 @48")
        for _ in range(6):
            await pilot.press("pagedown")
        await shows(
            pilot,
            "data.train_dataset",
            {80: "/train.jsonl", 120: "-train.jsonl"}.get(size[0], "overfit-train.jsonl"),
        )
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)


async def test_brackets_in_settings_are_no_markup(store: Path) -> None:
    for name in (OVERFIT, HEALTHY):
        path = store / "runs" / name / "preset.yaml"
        prompts = f"eval_steps: auto\n  sample_prompts:\n  - '[INST] {name} [/INST] [/x]'"
        path.write_text(path.read_text().replace("eval_steps: auto", prompts))
    async with running((200, 50)) as (_, pilot):
        await shows(pilot, "OVERFITTING since step 48")
        await pilot.press("c")
        await shows(pilot, "eval.sample_prompts", "[INST]", "[/INST]")


async def test_a_comparison_read_before_its_screen_is_there_is_shown(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tui.services import runs_read

    monkeypatch.setattr(runs_read, "in_thread", lambda post, title, work: work())
    async with running() as (_, pilot):
        await shows(pilot, "OVERFITTING since step 48")
        await pilot.press("c")
        await shows(pilot, "1.8226 @48")


async def test_a_run_that_is_gone_or_has_no_steps_can_be_compared(store: Path) -> None:
    made(store, RUN, phase("loading model"), *end("failed", "no such model"))
    async with running() as (app, pilot):
        await shows(pilot, "no such model")
        await pilot.press("c")
        await shows(pilot, "not both were evaluated", "1.8226 @48")
        await pilot.press("x", "x", "m", "y", "escape")
        await until(pilot, lambda: app.screen is app.main)
        add(RunDirectory(store / "runs" / RUN), evaluation(1, "NaN"), step(1, "NaN"))
        await pilot.press("c")
        await shows(pilot, "not both were evaluated")
