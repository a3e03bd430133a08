"""The demo that overfits does, and is judged so."""

from __future__ import annotations

import pytest

from runner.insight.diagnosis import Severity, VerdictKind, diagnose
from runner.store.directory import read_json
from tests.train.conftest import CommandRun

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("overfit")]


def test_it_ends_with_the_overfitting_verdict_and_the_right_checkpoint(demo_overfit: CommandRun) -> None:
    history = demo_overfit.history
    verdict = diagnose(history.curves())
    best = min(history.evals["val"], key=lambda point: point.loss)
    assert demo_overfit.exit_code == 0, demo_overfit.output
    assert verdict.kind is VerdictKind.OVERFITTING
    assert verdict.severity is Severity.CRITICAL
    assert verdict.findings[0].id == "overfitting"
    assert verdict.keep_step == best.step
    assert (demo_overfit.run.checkpoints / f"checkpoint-{best.step}").is_dir()
    assert f"→ keep checkpoint-{best.step}" in demo_overfit.output
    assert "OVERFITTING since step" in demo_overfit.output


def test_the_warning_arose_while_it_trained(demo_overfit: CommandRun) -> None:
    """Judged from what was known at each evaluation, it was said well before the end."""
    from runner.store.history import History
    from runner.store.jsonl import LineTail

    history, first = History(), None
    for event in LineTail(demo_overfit.run.events).read_all():
        history.fold(event)
        if event["type"] == "eval" and diagnose(history.curves()).kind is VerdictKind.OVERFITTING:
            first = event["step"]
            break
    assert first is not None
    assert first < 0.75 * history.plan["total_steps"]


def test_what_was_saved_is_the_best_and_not_the_last(demo_overfit: CommandRun) -> None:
    end = demo_overfit.history.end
    val = demo_overfit.history.evals["val"]
    assert end["best_step"] == min(val, key=lambda point: point.loss).step
    assert end["best_loss"] < val[-1].loss


def test_the_list_shows_it(demo_overfit: CommandRun) -> None:
    state = read_json(demo_overfit.run.state)
    assert state["verdict"] == "overfitting"
    assert state["severity"] == Severity.CRITICAL
