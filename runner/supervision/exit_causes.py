"""What became of a run whose trainer went without a word: how it died, and what can be done now."""

from __future__ import annotations

import signal
from pathlib import Path

from runner.queue import tickets
from runner.store.checkpoints import newest
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from runner.supervision.reattach import UNKNOWN_CODE


def memory_kills() -> int | None:
    """How often the kernel killed a process for want of memory since the machine started; None when it does not say."""
    try:
        for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except (OSError, ValueError):
        return None
    return None


def cause_of(code: int, kills_before: int | None) -> str:
    """What an exit code says; `kills_before` is memory_kills() from when the trainer was started."""
    if code == UNKNOWN_CODE:
        return "The trainer ended without a word; its first supervisor had died before, so its exit code is not known."
    if code >= 0:
        return f"The trainer ended with exit code {code} without saying why."
    if -code != signal.SIGKILL:
        return f"The trainer was killed by {signal.Signals(-code).name}."
    kills = memory_kills()
    if kills is None or kills_before is None:
        why = "Perhaps the kernel, for want of memory (see `dmesg`)."
    elif kills > kills_before:
        why = "The kernel killed for want of memory meanwhile: the machine's own, not the GPU's."
    else:
        why = "It was not the kernel for want of memory: a user or program killed it."
    return f"The trainer was killed by SIGKILL. {why}"


def way_on(run: RunDirectory, phase: Phase) -> str:
    """What can be done with a run that is over and not finished; empty for any other."""
    if phase not in (Phase.STOPPED, Phase.FAILED, Phase.LOST):
        return ""
    if tickets.is_queued(run):
        return f"Let it wait for its turn again: r, or `ftui queue start {run.id}`."
    last = newest(run)
    if last is not None:
        return f"Go on after step {last.step}: r, or `ftui resume {run.id}`."
    # Without its path, which would take four lines of a small screen.
    return "No whole checkpoint is there. Start it again: n, or `ftui run` its preset.yaml."
