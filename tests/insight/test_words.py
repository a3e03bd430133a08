"""Sentences and names: one name for each thing, no number without its unit, nothing said that is not known."""

from __future__ import annotations

import ast
import re

import pytest

from runner.insight.curves import Curves
from runner.insight.diagnosis import diagnose, labels
from runner.insight.diagnosis.spikes import RECOVERY
from runner.insight.diagnosis.words import fall, loss_of
from runner.insight.explained import EXPLANATIONS
from tests.insight.curve_maker import evals, falling, make, train_curve
from tests.insight.emitted import SOURCES

OLD_NAMES = re.compile(r"\bD\d+\b|train-probe|\b(somebody|nobody|whoever|anybody)\b")
CALM = [2.0, 2.02, 1.98, 2.01, 1.99] * 8


def of_spike(losses: list[float], over: bool) -> str:
    """What is said of a spike that these losses follow."""
    curves = Curves(train=train_curve([*CALM, 6.0, *losses]), is_over=over)
    return next(finding.sentence for finding in diagnose(curves).findings if finding.id == "spike")


def test_a_spike_at_the_end_is_not_said_to_have_come_back() -> None:
    assert "whether it comes back is not known yet" in of_spike([], over=False)
    assert "the run ends before" in of_spike([], over=True)
    assert "; it came back." in of_spike(CALM[: RECOVERY // 2], over=False)


def test_a_loss_that_is_all_gone_has_no_percentage() -> None:
    assert (fall(2.0, 1.0), fall(2.0, 0.0001), fall(0.0, 0.0)) == (" (-50 %)", "", "")
    verdict = diagnose(make(falling(12, start=2.0, end=0.0, rate=2), falling(12, start=2.0, end=0.0, rate=2)))
    assert "100 %" not in verdict.sentence
    assert "2.000 → 0.000" in verdict.sentence


@pytest.mark.parametrize("slug", EXPLANATIONS)
def test_no_evidence_shows_a_raw_name(slug: str) -> None:
    for finding in diagnose(EXPLANATIONS[slug].example().curves).findings:
        for words, _ in labels.numbers(finding):
            assert "_" not in words
            assert not words.endswith("percent")


def test_sets_have_one_name() -> None:
    nan = evals([2.0, float("nan")])
    curves = Curves(train=train_curve([1.0] * 20), evals={"train_probe": nan}, trainable_parameters=1)
    assert diagnose(curves).sentence.startswith("The loss on training rows is not a number")
    assert (loss_of("val"), loss_of("exam")) == ("held-out loss", "exam loss")


def test_no_old_names_are_left_in_the_detectors() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not OLD_NAMES.search(node.value), f"{path.name}: {node.value}"
