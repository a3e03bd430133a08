"""Real runs of a real Trainer, made once, and what is found in a trace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.foreign.trace import Trace, read_trace
from runner.insight.curves import Curves
from runner.insight.diagnosis import diagnose

ROOT = Path(__file__).parent.parent.parent
RECORDED = ROOT / "tests" / "data" / "wandb"

Found = list[tuple[str, str, int]]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the runs of train_tiny.py: overfit, diverged."""
    folder = tmp_path_factory.mktemp("tiny")
    subprocess.run(
        [sys.executable, "-P", "-m", "tests.foreign.train_tiny", str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=280,
        check=True,
    )
    return folder


def curves_of(trace: Trace) -> Curves:
    return read_trace(trace).curves()


def found_in(trace: Trace) -> Found:
    """What is found: id, severity, since when."""
    findings = diagnose(curves_of(trace)).findings
    return [(finding.id, finding.severity.name, finding.since_step) for finding in findings]
