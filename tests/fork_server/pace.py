"""Shorter waits in forked supervisors: what they wait for is there at once in tests."""

from __future__ import annotations

from collections.abc import Mapping

# Set to anything: as fast as for a user.
REAL_PACE = "FTUI_TEST_REAL_PACE"

POLL_SECONDS = 0.02
SAMPLE_SECONDS = 0.1


def hurry(environment: Mapping[str, str]) -> None:
    """Look more often, unless the environment forbids it."""
    if environment.get(REAL_PACE):
        return
    from runner.supervision import supervisor

    supervisor.POLL_SECONDS = POLL_SECONDS
    supervisor.SAMPLE_SECONDS = SAMPLE_SECONDS
