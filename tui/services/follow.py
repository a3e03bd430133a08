"""Follows one run."""

from __future__ import annotations

from runner.foreign.trace import TraceError
from tui.messages import ActionFailed, RunChanged
from tui.services.run_reader import RunReader, RunSource
from tui.services.service import Post, Service


class FollowService(Service):
    """Posts RunChanged whenever the followed run has news; five looks a second, so news is seen within 0.3 s."""

    seconds = 0.2

    def __init__(self, post: Post) -> None:
        super().__init__(post)
        self._wanted: RunSource | None = None
        self._followed: RunSource | None = None
        self._follower: RunReader | None = None

    def follow(self, target: RunSource | None) -> None:
        """Follow this run from its beginning; None follows nothing."""
        self._wanted = target
        self.nudge()

    def look(self) -> None:
        wanted = self._wanted
        if wanted != self._followed:
            self._change(wanted)
        if self._follower is None:
            return
        view = self._follower.poll()
        if view is not None and self._wanted == wanted:
            self.post(RunChanged(view))

    def _change(self, wanted: RunSource | None) -> None:
        if self._follower is not None:
            self._follower.close()
        self._followed, self._follower = wanted, None
        if wanted is not None:
            try:
                self._follower = wanted.follower()
            except TraceError as error:
                self.post(ActionFailed("Cannot be read", str(error)))

    def run(self) -> None:
        super().run()
        if self._follower is not None:
            self._follower.close()
