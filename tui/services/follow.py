"""Follows one run."""

from __future__ import annotations

from pathlib import Path

from runner.run.directory import RunDirectory, runs_folder
from tui.follower import RunFollower
from tui.messages import RunChanged
from tui.services.service import Post, Service


class FollowService(Service):
    """Posts RunChanged whenever the followed run has news; five looks a second, so news is seen within 0.3 s."""

    seconds = 0.2

    def __init__(self, post: Post, home: Path) -> None:
        super().__init__(post)
        self._home = home
        self._wanted: str | None = None
        self._follower: RunFollower | None = None

    def follow(self, run_id: str | None) -> None:
        """Follow this run from its beginning; None follows nothing."""
        self._wanted = run_id
        self.nudge()

    def look(self) -> None:
        wanted = self._wanted
        if wanted is None:
            self._follower = None
            return
        if self._follower is None or self._follower.run.id != wanted:
            self._follower = RunFollower(RunDirectory(runs_folder(self._home) / wanted))
        view = self._follower.poll()
        if view is not None and self._wanted == wanted:
            self.post(RunChanged(view))
