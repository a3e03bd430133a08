"""curve.svg: well-formed for any curve, and every mark inside the picture."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.insight.curves import Curves, EvalPoint
from runner.insight.diagnosis import Finding, Severity, Verdict, VerdictKind, diagnose
from runner.insight.train_curve import TrainCurve
from runner.report.svg import HEIGHT, WIDTH, curve
from tests.insight.curve_maker import evals, falling, make, overfit, train_curve

SVG = "{http://www.w3.org/2000/svg}"
# Some losses lie beyond what is drawn; what is drawn stays inside.
ROOM = 10.0


def drawn(curves: Curves, title: str = "a-run", verdict: Verdict | None = None) -> ElementTree.Element:
    """The picture, read by a real XML parser; every number in it is one, and inside."""
    with_numbers = curve(curves, verdict or diagnose(curves), title)
    root = ElementTree.fromstring(with_numbers)
    assert root.tag == f"{SVG}svg"
    for element in root.iter():
        for name in ("x", "x1", "x2", "cx", "y", "y1", "y2", "cy"):
            if name in element.attrib:
                value, most = float(element.attrib[name]), WIDTH if "x" in name else HEIGHT
                assert math.isfinite(value)
                assert -ROOM <= value <= most + ROOM
        for name in ("points", "d"):
            numbers = re.findall(
                r"[-+.\w]+", element.attrib.get(name, "").replace("M", " ").replace("V", " ")
            )
            assert all(math.isfinite(float(number)) for number in numbers)
    return root


def texts(root: ElementTree.Element) -> str:
    return " ".join(element.text or "" for element in root.iter())


def test_a_run_with_everything() -> None:
    curves = make(overfit(12, best=4, rise=0.2), falling(12, end=0.5), falling(120))
    root = drawn(curves)
    assert {"best 1.2000", "overfitting", "optimizer step", "step 40: 1.2000"} <= {
        element.text for element in root.iter()
    }
    circles = [e for e in root.iter(f"{SVG}circle") if e.attrib.get("r") == "3.2"]
    assert len(circles) == 24


@pytest.mark.parametrize(
    "losses",
    [
        [],
        [2.0],
        [math.nan],
        [math.inf],
        [math.nan] * 50,
        [2.0, math.nan, math.inf, -math.inf, 1.0],
        [0.0] * 30,
        [-3.0, 2.0],
        [1e308, 1e308, 1.0],
        [1e-320, 1.0],
        [1.7976931348623157e308, 1e-300],
        [-1e308, 1e308],
    ],
)
@pytest.mark.parametrize("val", [[], [2.0], [math.nan, math.inf], [2.0, math.nan, 1.0], [1e308, 0.0]])
def test_losses_that_are_none_or_far_off(losses: list[float], val: list[float]) -> None:
    drawn(Curves(train=train_curve(losses), evals={"val": evals(val), "train_probe": evals(val)}))


def test_losses_that_are_not_finite_are_marked() -> None:
    root = drawn(Curves(train=train_curve([2.0] * 10 + [math.nan] * 3)))
    assert len([e for e in root.iter(f"{SVG}text") if e.text == "×"]) == 3


def test_a_hundred_thousand_steps_are_a_small_picture() -> None:
    losses = [2.0 + math.sin(i) / 10 for i in range(100_000)]
    curves = Curves(
        train=train_curve(losses), steps_per_epoch=10_000, evals={"val": evals(falling(100), 1000)}
    )
    text = curve(curves, diagnose(curves), "a-run")
    assert len(text) < 100_000
    dashed = [e for e in drawn(curves).iter(f"{SVG}line") if "stroke-dasharray" in e.attrib]
    assert len(dashed) == 9


@pytest.mark.parametrize("size", [0, -5, 1, 10**12])
def test_borders_of_epochs_are_few_or_none(size: int) -> None:
    drawn(Curves(train=train_curve([1.0] * 100), steps_per_epoch=size))


def test_names_are_escaped() -> None:
    finding = Finding("overfitting", '<b>&"', Severity.WARNING, 3, "x")
    verdict = Verdict(VerdictKind.OVERFITTING, Severity.WARNING, "x", findings=(finding,))
    shown = texts(drawn(Curves(train=train_curve([1.0] * 9)), "<script>&\"'", verdict))
    assert "<script>&\"'" in shown
    assert '<b>&"' in shown


numbers = st.floats(allow_nan=True, allow_infinity=True) | st.floats(0.01, 10)


@given(st.lists(numbers, max_size=40), st.lists(numbers, max_size=8), st.integers(1, 10**6))
def test_any_curve(losses: list[float], val: list[float], every: int) -> None:
    train = TrainCurve.of(step=[1.0 + i * every for i in range(len(losses))], loss=losses)
    points = tuple(EvalPoint(i * every, loss) for i, loss in enumerate(val))
    drawn(Curves(train=train, evals={"val": points}, steps_per_epoch=every))
