"""When an app under test has nothing left to do, told by its event loop.

Textual's pilot waits after each key until the process used hardly any CPU time for 20 ms, twice, and up to a second
where a thread is at work: the suite would sleep most of its time, and on a busy machine go on too early.
"""

from __future__ import annotations

import asyncio
from typing import Any

import textual.app
import textual.pilot

# So often in a row, a moment apart, nothing may be waiting to run.
QUIET = 2
MOMENT_SECONDS = 0.001
# What is due so soon belongs to what was begun: a screen that is drawn again, say, 60 times a second.
SOON_SECONDS = 0.018


async def wait_for_idle(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    """Stands in for textual._wait.wait_for_idle."""
    loop: Any = asyncio.get_running_loop()
    began, quiet = loop.time(), 0
    while quiet < QUIET and loop.time() < began + max_sleep:
        await asyncio.sleep(MOMENT_SECONDS)
        quiet = 0 if _is_busy(loop) else quiet + 1


def _is_busy(loop: Any) -> bool:
    if loop._ready:
        return True
    soon = loop.time() + SOON_SECONDS
    return any(handle.when() < soon and not handle.cancelled() for handle in loop._scheduled)


def install() -> None:
    for module in (textual.app, textual.pilot):
        module.wait_for_idle = wait_for_idle  # type: ignore[attr-defined]
