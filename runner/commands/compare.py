"""Reading runs for comparing them: ftui's own, and those of other trainers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.report.comparison import Compared, read, read_trace
from runner.store.directory import RunDirectory


def read_all(runs: Sequence[RunDirectory | Path]) -> list[Compared]:
    """The runs in their order; a path is what another trainer left. Raises TraceError when nothing can be read there,
    or OSError.
    """
    return [read(run) if isinstance(run, RunDirectory) else read_trace(run) for run in runs]
