"""What tests of the gate share."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import pytest

from runner.check import xray
from runner.insight.memory.cards import IDLE_MIB
from tests.check.cards import SMALL, TOTAL, Peaks, gate, gpus


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate does not look at the data: that is a process, and seconds."""
    monkeypatch.setattr(xray, "quick", lambda preset, home: None)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate waits for the data however busy this machine is."""
    monkeypatch.setattr(xray, "quick", partial(xray.quick, seconds=120.0))


@pytest.fixture
def peaks(home: Path, unseen: None, monkeypatch: pytest.MonkeyPatch) -> Peaks:
    """What the demo needs on an empty card; that is left there."""
    gpus(monkeypatch, (TOTAL, TOTAL))
    found = gate(home).prediction
    assert found is not None
    both = (found.train, found.evaluation)
    made = Peaks(math.ceil(max(one.high for one in both)), math.ceil(max(one.need for one in both)))
    # With less between them the tests of either would say nothing.
    assert SMALL - IDLE_MIB < made.need < made.high - 50
    return made
