"""Measures GPUs and host once a second."""

from __future__ import annotations

from runner import gpu, host
from tui.messages import LoadSampled
from tui.services.service import Service


class LoadService(Service):
    """Posts LoadSampled. A sick driver can take seconds to answer, which is why this is a thread of its own."""

    def look(self) -> None:
        self.post(LoadSampled(gpu.read(), host.read()))
