"""The shipped demo is as it should be, and raises no alarm: not at its end, and not while it goes on."""

from __future__ import annotations

import pytest

from runner.insight.diagnosis import Severity, VerdictKind, diagnose
from runner.store.history import History
from runner.store.jsonl import LineTail
from tests.train.conftest import CommandRun

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


def test_the_demo_gets_no_alarm_at_any_time(demo: CommandRun) -> None:
    history, kinds = History(), set()
    for event in LineTail(demo.run.events).read_all():
        history.fold(event)
        verdict = diagnose(history.curves())
        kinds.add(verdict.kind)
        assert [f.id for f in verdict.findings if f.severity >= Severity.WARNING] == []
    assert kinds <= {VerdictKind.TOO_EARLY, VerdictKind.HEALTHY, VerdictKind.PLATEAU}
    assert diagnose(history.curves()).kind is VerdictKind.HEALTHY
