"""Every finding is explained, with the numbers the detectors really use and an example on which it is really made."""

from __future__ import annotations

import importlib
import math
import re
from types import ModuleType

import numpy as np
import pytest

from runner.insight.diagnosis import diagnose, overfitting, stability
from runner.insight.diagnosis.verdict import COVERS
from runner.insight.explained import EXPLANATIONS, Explanation, Group, broken, held_out
from tests.insight.emitted import SOURCES, emitted

EACH = pytest.mark.parametrize("one", EXPLANATIONS.values(), ids=lambda one: one.slug)
LONGEST_LINE = 88
# Names of the past, riddles, and figures that say nothing.
NOT_SAID = re.compile(r"\bD\d+\b|\b(somebody|nobody|whoever|train-probe|train_probe)\b|\b100 %")


def sources() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in SOURCES]


def test_every_finding_has_an_explanation_and_no_other_has() -> None:
    assert emitted(sources()) == set(EXPLANATIONS)


def test_a_new_detector_without_a_text_is_seen() -> None:
    direct = "def detect(curves):\n    return Finding(id='brand-new', name='x')\n"
    by_way = "def found(slug):\n    return Finding(slug, 'x')\ndef detect(curves):\n    return found('other-new')\n"
    assert emitted([*sources(), direct, by_way]) - set(EXPLANATIONS) == {"brand-new", "other-new"}
    with pytest.raises(ValueError, match="no constant"):
        emitted(["def detect(curves):\n    return Finding(id='a' + curves.name)\n"])


def test_what_findings_cover_are_findings() -> None:
    assert {slug for slug, others in COVERS.items() for slug in (slug, *others)} <= set(EXPLANATIONS)


@EACH
def test_its_example_makes_the_finding(one: Explanation) -> None:
    example = one.example()
    assert one.slug in [finding.id for finding in diagnose(example.curves).findings]
    assert len(example.drawn.train) > 1
    assert bool(example.points) == bool(example.drawn.val)
    assert bool(example.hollow) == bool(example.drawn.probe)


@EACH
def test_an_example_is_the_same_at_every_call(one: Explanation) -> None:
    first, again = one.example(), one.example()
    assert np.array_equal(first.drawn.train.loss, again.drawn.train.loss, equal_nan=True)
    for name, points in first.curves.evals.items():
        assert all(
            (a.step, a.loss) == (b.step, b.loss) or math.isnan(a.loss)
            for a, b in zip(points, again.curves.evals[name], strict=True)
        )


@EACH
def test_its_texts_are_whole(one: Explanation) -> None:
    assert len(one.line) <= LONGEST_LINE
    texts = (one.line, *one.what, *one.looks, *one.computed, *one.do, *one.is_not, *one.unknown, *one.sources)
    for part in (one.what, one.looks, one.computed, one.do, one.is_not, one.unknown):
        assert part
    for text in texts:
        assert text == " ".join(text.split())
        assert text[-1] in ".:"
        assert not re.search(r"[{}]|\bnan\b(?<!-nan)", text), text
        assert not NOT_SAID.search(text.replace("eval.train_probe", "")), text


def test_every_group_has_findings() -> None:
    assert {one.group for one in EXPLANATIONS.values()} == set(Group)


def test_the_numbers_are_those_of_the_detectors(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "from a rise of 5 % on" in " ".join(EXPLANATIONS["overfitting"].computed)
    with monkeypatch.context() as changed:
        changed.setattr(overfitting, "CRITICAL_RISE", 0.073)
        changed.setattr(stability, "LEAST_BREAK", 0.123)
        read = {one.slug: " ".join(one.computed) for module in (held_out, broken) for one in _again(module)}
    _again(held_out)
    _again(broken)
    assert "from a rise of 7.3 % on" in read["overfitting"]
    assert "over 0.123 in ln loss" in read["resume-break"]


def _again(module: ModuleType) -> tuple[Explanation, ...]:
    found: tuple[Explanation, ...] = importlib.reload(module).EXPLAINED
    return found
