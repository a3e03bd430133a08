"""Trees of files on disk, and from one to the next as files change under a reader."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from runner.store import directory, locks
from runner.store.directory import RunDirectory
from tests.faults.fuzz_base import OTHER_ID, RUN_ID, TICKET, base
from tests.faults.fuzz_mutations import Kind, Link, Node, Tree


class Store:
    """A home with a whole run, and a newer one whose files are given anew for every example."""

    def __init__(self, home: Path, run_id: str = RUN_ID) -> None:
        self.home = home
        self.run = RunDirectory(directory.runs_folder(home) / run_id)
        self.other = RunDirectory(directory.runs_folder(home) / OTHER_ID)
        self.is_written_to = True
        self._now: Tree = {}
        self._lock: int | None = None

    def write_other(self) -> None:
        """The whole run."""
        whole: Tree = dict(base())
        del whole[TICKET]
        for path, node in whole.items():
            _put(self.other.path / path, node, in_place=False)

    def write(self, tree: Tree, is_alive: bool = False) -> None:
        """Begin a new example. Of the one before only what differs is written anew, unless something else wrote too.
        A run that is alive has its lock held.
        """
        self.let_go()
        if self.is_written_to:
            shutil.rmtree(self.run.path, ignore_errors=True)
            _remove(self._place(TICKET))
            self._now = {}
            self.is_written_to = False
        self.change(tree, in_place=False)
        if is_alive:
            # Taking it makes it.
            self.is_written_to = "lock" not in tree
            with contextlib.suppress(OSError):
                self._lock = locks.take(self.run.lock)

    def let_go(self) -> None:
        """The run does not live any more."""
        if self._lock is not None:
            locks.release(self._lock)
            self._lock = None

    @property
    def is_alive(self) -> bool:
        return self._lock is not None

    def change(self, tree: Tree, in_place: bool) -> None:
        """The files that are different now: the same file written anew, or another one in its place."""
        self.run.path.mkdir(parents=True, exist_ok=True)
        for path in self._now.keys() - tree.keys():
            _remove(self._place(path))
            self._prune(self._place(path).parent)
        for path, node in tree.items():
            if self._now.get(path) != node:
                _put(self._place(path), node, in_place)
        self._now = dict(tree)

    def _prune(self, folder: Path) -> None:
        """A folder is there for what is in it."""
        while self.run.path in folder.parents and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent

    def _place(self, path: str) -> Path:
        if path == TICKET:
            return self.home / "queue" / f"{self.run.id}.json"
        return self.run.path / path


def _put(path: Path, node: Node, in_place: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(node, bytes) and in_place and path.is_file() and not path.is_symlink():
        path.write_bytes(node)
        return
    _remove(path)
    if isinstance(node, Link):
        # One that points to itself when it says so: a loop.
        path.symlink_to(path.name if node.target == "loop-a" else node.target)
    elif node is Kind.DIRECTORY:
        path.mkdir()
    elif node is Kind.PIPE:
        os.mkfifo(path)
    else:
        path.write_bytes(node if isinstance(node, bytes) else b"{}\n")
        if node is Kind.UNREADABLE:
            path.chmod(0)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()
