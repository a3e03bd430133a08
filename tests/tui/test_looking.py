"""The chart and the figures of a run, driven by keys, held against what is in its events."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from textual.pilot import Pilot

from runner.insight.curves import EvalPoint
from runner.store.directory import RunDirectory
from runner.store.history import History
from tests.run.scenes import add, end, evaluation, phase, plan, step
from tests.tui.conftest import running, screen_text, shows, until
from tests.tui.made import alive, grow, history_of, made
from tui.charts.view import amount
from tui.models.run_view import age
from tui.services.run_reader import RunDirectoryReader

SIZES = [(80, 24), (120, 40), (200, 50)]
RUN = "20261124-110000-a-run-0009"
READ = re.compile(
    r"step (?P<step>[\d,]+) · loss (?P<loss>[\d.]+|NaN|infinite)"
    r"(?: · lr (?P<lr>[\d.e+-]+))?(?: · grad (?P<grad>[\d.]+))?"
    r"(?: · held-out (?P<eval>[\d.]+|NaN|infinite) @(?P<at>\d+)\b)?"
)

sizes = pytest.mark.parametrize("size", SIZES, ids=str)


@dataclass
class Read:
    """What the cursor says; None for what did not fit."""

    step: int
    loss: str
    lr: str | None
    grad: str | None
    eval: str | None
    at: str | None


def read(pilot: Pilot[None]) -> Read:
    found = READ.search(screen_text(pilot))
    assert found, screen_text(pilot)
    words = found.groupdict()
    return Read(int(words.pop("step").replace(",", "")), **words)


def check(seen: Read, history: History) -> None:
    """The numbers are those of that step."""
    train = history.train
    place = list(train.step).index(seen.step)
    assert seen.loss == f"{train.loss[place]:.4f}"
    assert seen.lr in (None, f"{train.lr[place]:.1e}")
    assert seen.grad in (None, f"{train.grad_norm[place]:.2f}")
    before: list[EvalPoint] = [point for point in history.evals["val"] if point.step <= seen.step]
    if seen.at is not None:
        assert (seen.eval, int(seen.at)) == (f"{before[-1].loss:.4f}", before[-1].step)


async def opened(pilot: Pilot[None]) -> None:
    await shows(pilot, "OVERFITTING since step 48", "step 240/240")


@sizes
@pytest.mark.parametrize("presses", range(4), ids=["step", "epoch", "tokens", "time"])
async def test_the_cursor_reads_what_was_recorded(
    overfit: RunDirectory, size: tuple[int, int], presses: int
) -> None:
    history = history_of(overfit)
    async with running(size) as (_, pilot):
        await opened(pilot)
        await pilot.press(*["x"] * presses)
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: READ.search(screen_text(pilot)))
        steps = []
        for key in [*["left_square_bracket"] * 3, *["left_curly_bracket"] * 20]:
            check(seen := read(pilot), history)
            steps.append(seen.step)
            await pilot.press(key)
        assert steps == sorted(steps, reverse=True)
        assert steps[0] >= 234
        assert read(pilot).step <= 5
        await pilot.press("right_square_bracket", "right_curly_bracket")
        check(further := read(pilot), history)
        assert further.step > read_first(history)
        await pilot.press(*["right_curly_bracket"] * 20)
        assert read(pilot).step == 240
        if size[0] == 200:
            assert read(pilot).at == "240"
        await pilot.press("escape")
        await until(pilot, lambda: not READ.search(screen_text(pilot)))


def read_first(history: History) -> int:
    return int(history.train.step[0])


async def test_escape_takes_the_cursor_first_and_then_the_zoom(overfit: RunDirectory) -> None:
    async with running((80, 24)) as (_, pilot):
        await opened(pilot)
        await pilot.press("enter", "left_square_bracket")
        await until(pilot, lambda: READ.search(screen_text(pilot)) and "Presets" not in screen_text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: not READ.search(screen_text(pilot)))
        assert "Presets" not in screen_text(pilot)
        await pilot.press("escape")
        await shows(pilot, "Presets")


async def settled(pilot: Pilot[None]) -> list[str]:
    """The lines of the screen once nothing moves on it."""
    seen = [""]

    def same() -> bool:
        before, seen[0] = seen[0], screen_text(pilot)
        return before[200:] == seen[0][200:]

    await until(pilot, lambda: same() and same())
    await pilot.pause(0.4)
    await until(pilot, same)
    return seen[0].splitlines()


@sizes
async def test_zoomed_is_the_run_and_the_way_to_the_presets_leads_out(
    overfit: RunDirectory, size: tuple[int, int]
) -> None:
    async with running(size) as (_, pilot):
        await opened(pilot)
        for back in ("enter", "escape", "l", "e"):
            await pilot.press("enter")
            await until(pilot, lambda: "Presets" not in screen_text(pilot))
            text = "\n".join(await settled(pilot))
            assert "step 240/240" in text
            assert "OVERFITTING since step 48" in text
            await pilot.press(back)
            await shows(pilot, "Presets", "OVERFITTING" if len(back) > 1 else "Effective batch")
            if len(back) == 1:
                await pilot.press("escape")
                await shows(pilot, "OVERFITTING since step 48")


@sizes
async def test_the_x_axis_goes_round(overfit: RunDirectory, size: tuple[int, int]) -> None:
    train = history_of(overfit).train
    ends = [
        ("x epoch", "epoch 60.00"),
        ("x tokens", f"tokens {amount(float(train.tokens.sum()))}"),
        ("x time", f"time {age(train.time[-1] - train.time[0])}"),
    ]
    async with running(size) as (_, pilot):
        await opened(pilot)
        for words, end_words in ends:
            await pilot.press("x")
            await shows(pilot, words, end_words)
        await pilot.press("x")
        await until(pilot, lambda: "x time" not in screen_text(pilot))
        assert "step 240" in screen_text(pilot)


@sizes
async def test_scale_smoothing_and_zoom_say_what_they_are(
    overfit: RunDirectory, size: tuple[int, int]
) -> None:
    async with running(size) as (_, pilot):
        await shows(pilot, "OVERFITTING since step 48", "log scale", "step 240/240")
        before = await settled(pilot)
        await pilot.press("y")
        await shows(pilot, "linear y")
        assert "log scale" not in screen_text(pilot)
        await pilot.press("y")
        await shows(pilot, "logarithmic y", "log scale")
        await pilot.press("y", "m")
        await shows(pilot, "smoothed more")
        await pilot.press("m")
        await shows(pilot, "not smoothed")
        await pilot.press("m")
        for words, first in (("last 50 %", "120 "), ("last 20 %", "192 "), ("last 5 %", "228 ")):
            await pilot.press("z")
            text = await shows(pilot, words)
            assert any(first in line and "step 240" in line for line in text.splitlines())
        await pilot.press("left_square_bracket")
        check(read(pilot), history_of(overfit))
        await pilot.press("z", "escape")
        await until(pilot, lambda: "last" not in screen_text(pilot) and not READ.search(screen_text(pilot)))
        # All is as it was, but for the host's load in the first line.
        assert (await settled(pilot))[1:] == before[1:]


@sizes
async def test_losses_that_are_no_numbers_are_shown(overfit: RunDirectory, size: tuple[int, int]) -> None:
    add(
        overfit,
        step(241, "NaN", grad_norm="NaN"),
        step(242, "Infinity", lr="NaN"),
        step(243, "-Infinity", tokens=0, step_s=0.0),
        evaluation(243, "NaN"),
        evaluation(243, "Infinity", "train_probe"),
        step(244, "NaN"),
    )
    async with running(size) as (_, pilot):
        text = await shows(pilot, "step 244", "×", "held-out NaN", "best 1.8226 @48")
        assert "train NaN" in text
        for key in ("x", "y", "m", "z"):
            for _ in range(4):
                await pilot.press(key)
        await pilot.press("left_square_bracket")
        await shows(pilot, *(["loss infinite"] if size[0] > 80 else ["loss NaN"]))
        await pilot.press("right_curly_bracket")
        await shows(pilot, "step 244 · loss NaN")
        for _ in range(25):
            await pilot.press("left_curly_bracket")
        await shows(pilot, "loss 9.")
        for key in ("v", "escape", "g", "escape", "o"):
            await pilot.press(key)
            await pilot.pause()


@sizes
async def test_a_run_without_a_single_finite_loss(home: Path, size: tuple[int, int]) -> None:
    events = [
        evaluation(0, "NaN"),
        evaluation(0, "NaN", "train_probe"),
        *(step(n, "NaN") for n in range(1, 30)),
    ]
    made(home, RUN, phase("training"), plan(), *events, *end("failed", "the loss is not finite"))
    async with running(size) as (_, pilot):
        text = await shows(pilot, "the loss is not finite", "step 29/100", "no finite loss yet")
        assert "best nan" not in text
        await pilot.press("left_square_bracket", "x", "y", "m", "z")
        await shows(pilot, "loss NaN")


async def test_the_best_evaluation_is_a_number_though_the_first_one_was_none(home: Path) -> None:
    made(
        home,
        RUN,
        phase("training"),
        plan(),
        evaluation(0, "NaN"),
        step(1),
        evaluation(1, 2.5),
        *end("stopped"),
    )
    async with running() as (_, pilot):
        await shows(pilot, "held-out 2.5000 (best 2.5000 @1)")


@sizes
async def test_the_header_has_the_figures_of_the_newest_step(home: Path, size: tuple[int, int]) -> None:
    sizes_ = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 8, "world_size": 1}
    run = made(home, RUN, phase("training"), plan(200, **sizes_), *(step(n, 3.0) for n in range(1, 50)))
    grow(run, step(50, 1.2345), evaluation(50, 1.5), evaluation(50, 1.4, "train_probe"))
    alive(run)
    async with running(size) as (_, pilot):
        text = await shows(pilot, "step 50/200 · 25 %", "train 1.2345", "held-out 1.5000 (best 1.5000 @50)")
        assert "2 × 8 × 1 = 16" in text
        # 150 steps of 0.1 s.
        assert "15 s left" in text
        if size[0] > 80:
            assert "training rows 1.4000" in text
            assert "epoch 2.50" in text
        grow(run, step(51, 1.1), step(52, 1.0))
        await shows(pilot, "step 52/200 · 26 %", "train 1.0000")


@pytest.mark.parametrize("said", [True, False], ids=["resume event", "steps that go back"])
async def test_time_left_counts_only_steps_since_the_resume(home: Path, said: bool) -> None:
    slow = [step(n, step_s=30.0) for n in range(1, 81)]
    again = [{"type": "resume", "step": 40}] if said else []
    fast = [step(n, step_s=0.5) for n in range(41, 51)]
    run = made(home, RUN, phase("training"), plan(100), *slow)
    alive(run)
    async with running() as (_, pilot):
        await shows(pilot, "step 80/100", "10 min left")
        grow(run, *again, *fast)
        text = await shows(pilot, "step 50/100 · 50 %", "25 s left")
        assert "min left" not in text


def test_the_log_is_read_though_every_look_finds_new_steps(home: Path) -> None:
    run = made(home, RUN, phase("training"), plan())
    run.console.write_text("the first line\n")
    follower = RunDirectoryReader(run)
    for n in range(1, 4):
        add(run, step(n))
        view = follower.poll()
        assert view is not None
        assert view.console == ("the first line",)
        assert math.isfinite(view.curves.train.loss[-1])
