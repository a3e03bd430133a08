"""Launching a preset: it is loaded, assessed for the GPU it will get, and started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.check.gate import pass_gate
from runner.gpu import Gpu
from runner.insight.lint import LintFinding, LintSeverity
from runner.preset import files
from runner.store.directory import RunDirectory
from runner.supervision import launch as supervised
from runner.supervision.warm import WarmStart


@dataclass(frozen=True)
class Launch:
    """A run that was started, and what is likely wrong with its preset; `gpu` is None on the CPU."""

    run: RunDirectory
    gpu: Gpu | None
    warnings: tuple[LintFinding, ...] = ()

    @property
    def device(self) -> str:
        """The name of the GPU, or CPU."""
        return self.gpu.name if self.gpu is not None else "CPU"


def launch(
    preset: str,
    home: Path,
    overrides: Sequence[str] = (),
    gpu_choice: str | None = None,
    force: bool = False,
    warm: WarmStart | None = None,
) -> Launch:
    """Launch a preset, by its name or file; `force` launches what the gate would refuse, `warm` has processes
    that were started ahead. Raises PresetError,
    LaunchError with everything it is refused for, UnusableGpuError when there is a GPU and it would train on the CPU,
    or OSError.
    """
    loaded = files.load(preset, home, overrides)
    warnings: tuple[LintFinding, ...] = ()
    if not force:
        found = pass_gate(loaded, home, gpu_choice)
        warnings = tuple(one for one in found.findings if one.severity is LintSeverity.WARNING)
    started = supervised.launch(loaded, home, gpu_choice, warm=warm)
    return Launch(started.run, started.gpu, warnings)
