"""Numbers, memory and comparisons read the same on the screen, in the terminal and in the report."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

import runner
import tui
from runner.check.assess import Assessment
from runner.insight.curves import Curves, EvalPoint
from runner.insight.diagnosis import diagnose, labels
from runner.insight.diagnosis.finding import Finding, Severity
from runner.insight.figures import gib, loss, number, size
from runner.insight.memory.cards import find_card
from runner.insight.memory.predict import Lever, Peak, Prediction
from runner.insight.memory.savings import Changes
from runner.insight.memory.words import memory_lines, memory_words
from runner.preset import files
from runner.report.comparison import Compared, letter, side_by_side
from runner.report.markdown import _findings as report_findings
from tui.screens.compare import tables
from tui.screens.evidence import _numbers as screen_numbers
from tui.widgets.advice_panel import memory as memory_panel
from tui.widgets.advice_panel import summary


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1.2, "1.2"),
        (1.23456, "1.235"),
        (0.000123456, "0.0001235"),
        (12345.0, "12,345"),
        (12345.6, "1.235e+04"),
        (-3.0, "-3"),
        (1e12, "1e+12"),
        (math.nan, "NaN"),
        (math.inf, "infinite"),
    ],
)
def test_a_number_has_the_figures_that_matter(value: float, words: str) -> None:
    assert number(value) == words


def test_losses_and_sizes() -> None:
    assert [loss(value) for value in (1.2, 0.00004, math.nan, -math.inf)] == [
        "1.2000",
        "0.0000",
        "NaN",
        "infinite",
    ]
    assert [gib(mib) for mib in (0, 51.2, 18637)] == ["0.0", "0.1", "18.2"]
    assert [size(count) for count in (0, 2**20, 2**30, 1.25 * 2**30)] == [
        "0 MiB",
        "1 MiB",
        "1.0 GiB",
        "1.2 GiB",
    ]


def plain_text(renderable: object) -> str:
    console = Console(width=200, file=io.StringIO())
    with console.capture() as shown:
        console.print(renderable)
    return " ".join(shown.get().split())


def test_the_evidence_is_the_same_on_the_screen_and_in_the_report() -> None:
    evidence = {"best_loss": 1.234567, "loss": 12345.678, "onset_step": 12345.0, "noise": math.nan}
    finding = Finding("overfitting", "overfitting", Severity.ERROR, 3, "It rises.", (), evidence)
    screen = plain_text(screen_numbers(finding))
    report = report_findings(replace(diagnose(Curves()), findings=(finding,)))
    told = labels.numbers(finding)
    assert len(told) == len(evidence)
    for name, value in told:
        assert f"{name} {value}" in screen
        assert f"| {name} | {value} |" in report


CHANGES: Changes = (("train.gradient_checkpointing", True),)
PREDICTION = Prediction(
    find_card("RTX 4090"),
    Peak(18637, 17920, 19456, 19700),
    Peak(9000, 8800, 9300, 9400),
    (("weights", 5300.0), ("activations", 13337.0), ("fragmentation", 12.0)),
    "2 runs on this GPU",
    ("fused output head",),
)


def test_memory_is_told_in_the_same_words_everywhere() -> None:
    prediction = replace(PREDICTION, lever=Lever("gradient checkpointing on", CHANGES, 6144))
    words = memory_words(prediction)
    assert words.need == "18.2 GiB"
    assert words.parts == (("weights", "weights 5.2"), ("activations", "activations 13.0"))
    assert words.saving == "gradient checkpointing on: −6.0 GiB"
    assert memory_words(PREDICTION).saving == ""
    terminal = " ".join(memory_lines(prediction))
    preset = files.load("demo", Path("/nowhere")).preset
    found = Assessment(preset, prediction=prediction)
    screen = plain_text(memory_panel(found, 80))
    for part in (words.need, words.room, words.fit, words.evaluation, words.basis, words.saving):
        assert part in terminal
        assert part in screen
    for _, part in words.parts:
        assert part in terminal
        assert part in screen
    assert words.brief in summary(found).plain
    assert len(memory_lines(PREDICTION)) == len(memory_lines(prediction)) - 1


def compared(name: str, at: float) -> Compared:
    curves = Curves(evals={"val": (EvalPoint(10, at, 64), EvalPoint(20, at + 1, 64))})
    return Compared(name, curves, diagnose(curves), {"train.seed": at}, "x")


def test_a_comparison_is_told_in_the_same_words_everywhere() -> None:
    runs = [
        compared("first", 1.0),
        compared("second", 2.0),
        Compared("third", Curves(), diagnose(Curves()), {}),
    ]
    words = side_by_side(runs)
    assert words.heads == ("", "run", "steps", "best eval", "verdict")
    assert [row[:4] for row in words.rows] == [
        ("A", "first", "0", "1.0000 @10"),
        ("B", "second", "0", "2.0000 @10"),
        ("C", "third", "0", ""),
    ]
    assert words.settings == (("train.seed", ("1.0", "2.0", "None")),)
    assert [sentence[:12] for sentence in words.sentences] == ["B against A:", "C against A:"]
    screen = plain_text(tables(runs))
    for row in words.rows:
        assert " ".join(cell for cell in row[:3]) in screen
    for sentence in words.sentences:
        assert sentence in screen
    assert side_by_side([]).rows == ()


def test_runs_have_letters_and_then_numbers() -> None:
    assert [letter(place) for place in (0, 25, 26, 27)] == ["A", "Z", "27", "28"]


@pytest.mark.parametrize("form", [r":\.[45]g\}", r"/ 1024:\.1f\}", r"/ (2\*\*30|1024\*\*3):"])
def test_no_other_module_writes_such_numbers(form: str) -> None:
    roots = [Path(package.__file__ or "").parent for package in (runner, tui)]
    found = [
        str(path.relative_to(root))
        for root in roots
        for path in sorted(root.rglob("*.py"))
        if re.search(form, path.read_text(encoding="utf-8"))
    ]
    assert found == ["insight/figures.py"]
