"""The run directory: the only protocol between trainer, supervisor and every reader.

RUNS/20261123-143205-qwen3-0.6b-chat-7f3a/
    preset.yaml     resolved and frozen: what is trained, paths absolute
    run.json        written once at launch: argv, versions, GPU, git commit
    state.json      phase, progress, reason; replaced whole by the supervisor
    events.jsonl    append-only, one event a line (events.py)
    system.jsonl    1 Hz: VRAM, utilisation, power, temperature, host CPU and RAM
    console.log     everything the trainer printed
    rows.jsonl      which rows of the data each step saw
    requests/       stop, save, evaluate … dropped in by people, taken by the trainer
    checkpoints/  adapter/  report.md  lock  trainer.lock
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from runner import atomic_write, places, safe_open
from runner.store import protocol
from runner.store.jsonl import loads

LAST = "last"
# Read whole, and written by ftui: the largest, a report on data, has a hundredth of it.
MOST_JSON_BYTES = 16 << 20
RUN_ID = re.compile(r"\d{8}-\d{6}-[A-Za-z0-9._-]+-[0-9a-f]{4}\Z")


class RunNotFoundError(Exception):
    """No run, or more than one, answers to what was asked for; the message says which."""


@dataclass(frozen=True)
class RunDirectory:
    """The paths of one run."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def home(self) -> Path:
        """The FTUI_HOME it lies in."""
        return self.path.parent.parent

    @property
    def preset(self) -> Path:
        return self.path / "preset.yaml"

    @property
    def run(self) -> Path:
        return self.path / "run.json"

    @property
    def state(self) -> Path:
        return self.path / "state.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def system(self) -> Path:
        return self.path / "system.jsonl"

    @property
    def console(self) -> Path:
        return self.path / "console.log"

    @property
    def rows(self) -> Path:
        return self.path / "rows.jsonl"

    @property
    def report(self) -> Path:
        return self.path / "report.md"

    @property
    def requests(self) -> Path:
        return self.path / "requests"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def adapter(self) -> Path:
        return self.path / "adapter"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def trainer_lock(self) -> Path:
        return self.path / "trainer.lock"


def ftui_home() -> Path:
    """`$FTUI_HOME`, or `$XDG_DATA_HOME/ftui`, or ~/.local/share/ftui. Raises OSError where that can be no folder."""
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    home = places.expanded(os.environ.get("FTUI_HOME") or f"{data}/ftui")
    if str(home).startswith("~"):
        # Made where one happens to stand, it would be another one tomorrow.
        words = "it is not known which folder ~ stands for. Set FTUI_HOME to a whole path"
        raise FileNotFoundError(errno.ENOENT, words, str(home))
    home = places.absolute(home)
    if home.is_file():
        words = "is a file, and runs are to lie in it. Set FTUI_HOME to a folder"
        raise NotADirectoryError(errno.ENOTDIR, words, str(home))
    return home


def runs_folder(home: Path) -> Path:
    return home / "runs"


def begun(run: RunDirectory) -> datetime | None:
    """When a run was made, as its name says; None for a name that says nothing."""
    try:
        return datetime.strptime(run.id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def create(home: Path, name: str) -> RunDirectory:
    """Make the directory of a new run, readable by its owner only. Raises OSError when the disk does."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:40] or "run"
    folder = runs_folder(home)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    while True:
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        path = folder / f"{stamp}-{slug}-{secrets.token_hex(2)}"
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
        (path / "requests").mkdir(mode=0o700)
        (path / "checkpoints").mkdir(mode=0o700)
        return RunDirectory(path)


def list_runs(home: Path) -> list[RunDirectory]:
    """Every run, newest first. Raises OSError for a folder that is there and cannot be read."""
    try:
        with os.scandir(runs_folder(home)) as entries:
            names = [entry.name for entry in entries if RUN_ID.match(entry.name)]
    except FileNotFoundError:
        return []
    return [RunDirectory(runs_folder(home) / name) for name in sorted(names, reverse=True)]


def find_run(text: str, home: Path) -> RunDirectory:
    """A run by id, by any unique part of its id, by path, or `last`. Raises RunNotFoundError and OSError."""
    if os.sep in text and (Path(text) / "events.jsonl").exists():
        return RunDirectory(places.absolute(text))
    runs = list_runs(home)
    if not runs:
        raise RunNotFoundError(f"there are no runs in {runs_folder(home)}. Start one with `ftui run demo`.")
    if text == LAST:
        return runs[0]
    exact = [run for run in runs if run.id == text]
    matches = exact or [run for run in runs if text in run.id]
    if not matches:
        raise RunNotFoundError(f"no run has {text!r} in its id. `ftui ls` lists them.")
    if len(matches) > 1:
        some = ", ".join(run.id for run in matches[:3])
        raise RunNotFoundError(f"{len(matches)} runs have {text!r} in their id ({some} …). Give more of it.")
    return matches[0]


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replace a JSON file whole: readers see the old one or the new one. Texts are written without secrets.
    Raises OSError.
    """
    text = json.dumps(protocol.as_written(value), indent=1, ensure_ascii=False) + "\n"
    atomic_write.replace_file(path, text.encode("utf-8", errors="replace"))


def open_console(run: RunDirectory) -> IO[bytes]:
    """console.log for appending, for a child process to print to. Raises OSError."""
    fd = safe_open.open_fd(run.console, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW)
    return os.fdopen(fd, "ab")


def links_out(run: RunDirectory) -> list[str]:
    """What in a run's directory is a link to somewhere outside it: what is written there would be written elsewhere."""
    inside = run.path.resolve()
    found = []
    for folder, folders, names in os.walk(run.path, followlinks=False):
        for name in (*folders, *names):
            path = Path(folder, name)
            # Path.resolve raises where a link leads to itself.
            if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(inside):
                found.append(str(path.relative_to(run.path)))
    return found


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty when the file is missing, torn or something else."""
    try:
        value = loads(safe_open.read_bytes(path, MOST_JSON_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
