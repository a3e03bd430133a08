"""The numbers of findings in words."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pytest

from runner.insight import diagnosis
from runner.insight.diagnosis import Finding, Severity, labels
from runner.insight.diagnosis.labels import DIFFERENCE, LABELS, ROWS


def finding(id_: str, **evidence: float) -> Finding:
    return Finding(id_, id_, Severity.INFO, 1, "", evidence=evidence)


def keys_of(path: Path) -> set[str]:
    """The keys of dicts whose values are no texts, in a module: what findings have as evidence."""
    dicts = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Dict)]
    return {
        key.value
        for node in dicts
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant)
        and isinstance(key.value, str)
        and not isinstance(value, ast.Constant | ast.JoinedStr | ast.Set)
    }


def test_every_number_of_every_detector_has_words() -> None:
    modules = [
        path
        for path in Path(diagnosis.__file__).parent.glob("*.py")
        if path.stem not in ("labels", "verdict", "held_out", "__init__")
    ]
    keys = {key for path in modules for key in keys_of(path)}
    assert {"best_loss", "log_evidence", "kl", "cut_percent", "rows_worse_percent"} <= keys
    plain = {key.rpartition(".")[2] for key in LABELS} | {*ROWS, *DIFFERENCE}
    assert keys - plain == set()


def test_percents_units_and_what_belongs_together() -> None:
    told = dict(
        labels.numbers(
            finding(
                "overfitting",
                best_step=48,
                best_loss=1.8226,
                noise_percent=0.43,
                rise_percent=6.94,
                log_evidence=math.log(40),
                rows=48,
                rows_worse_percent=81.25,
                row_difference=0.0312,
                row_difference_error=0.0081,
            )
        )
    )
    assert told == {
        "best at step": "48",
        "best held-out loss": "1.823 nats a token",
        "noise of one evaluation": "±0.43 %",
        "change since the best": "+6.94 %",
        "odds of a rise": "40 : 1 for",
        "rows that got worse": "81 % of 48",
        "change of one row, mean": "+0.0312 ± 0.0081 nats a token",
    }


def test_one_key_may_mean_another_thing_in_another_finding() -> None:
    assert labels.numbers(finding("divergence", loss=3.0)) == [("train loss now", "3 nats a token")]
    assert labels.numbers(finding("worsening", loss=3.0)) == [("held-out loss now", "3 nats a token")]


def test_a_key_without_words_is_shown_as_it_is() -> None:
    assert labels.numbers(finding("new", some_number=0.12345)) == [("some number", "0.1235")]


@pytest.mark.parametrize(
    ("log_odds", "words"),
    [
        (0.0, "1 : 1 for"),
        (-math.log(40), "1 : 40 against"),
        (math.log(2.5), "2.5 : 1 for"),
        (1e9, "over 1,000,000 : 1 for"),
        (-math.inf, "1 : over 1,000,000 against"),
        (math.nan, "NaN"),
    ],
)
def test_odds(log_odds: float, words: str) -> None:
    assert labels.odds(log_odds) == words


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308, -1e-300, 0.0])
def test_no_value_makes_a_label_fail(value: float) -> None:
    for key in (*LABELS, *ROWS, *DIFFERENCE):
        id_, _, name = key.rpartition(".")
        assert all(text for pair in labels.numbers(finding(id_, **{name: value})) for text in pair)
