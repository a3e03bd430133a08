"""What is done with a run beside showing it: the verbs, and what takes too long to be done with every run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from click.testing import CliRunner

from runner.check import next_preset
from runner.foreign.opening import read_path
from runner.foreign.trace import TraceError
from runner.insight.diagnosis import diagnose
from runner.preset.errors import PresetError
from runner.report import comparison
from runner.supervision.monitor import RunMonitor
from tests.faults.fuzz_base import OTHER_ID, RUN_ID
from tests.faults.fuzz_disk import Store
from tests.faults.fuzz_drawing import Sight, unsafe
from tests.faults.fuzz_readers import read_library
from tui.cli import cli

Task = Callable[[Store, Sight], None]


@dataclass(frozen=True)
class Verb:
    """A verb of the command line: it ends with an exit code and words, whatever it reads."""

    args: tuple[str, ...]
    writes: bool = False
    waits: bool = False
    """It waits for the end of a run that lives."""

    def __call__(self, store: Store, sight: Sight) -> None:
        if self.waits and store.is_alive:
            return
        store.is_written_to = store.is_written_to or self.writes
        (store.home / "presets" / "made.yaml").unlink(missing_ok=True)
        done = CliRunner().invoke(cli, self.args, color=True)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert not unsafe(done.output), (self.args, done.output)


def read_foreign(store: Store, sight: Sight) -> None:
    """The directory, and what was printed, read as another trainer's."""
    for path in (store.run.path, store.run.console):
        with contextlib.suppress(TraceError):
            _, history = read_path(path)
            diagnose(history.curves())


def supervise(store: Store, sight: Sight) -> None:
    """What its supervisor makes of it when it goes on."""
    store.is_written_to = True
    with contextlib.suppress(OSError):
        RunMonitor(store.run).update({"trainer_cpu_percent": 0.0}, {"trainer_pid": 1})


def compare(store: Store, sight: Sight) -> None:
    """The run held against a whole one, on the screen."""
    one, other = comparison.read(store.run), comparison.read(store.other)
    for pair in ((one, other), (other, one), (one, one)):
        comparison.sentence(*pair)
    sight.compare([one, other])


def read_everything(store: Store, sight: Sight) -> None:
    """The library's own readers."""
    read_library(store)


def draft(store: Store, sight: Sight) -> None:
    """The next preset, as the screen makes it."""
    with contextlib.suppress(PresetError):
        next_preset.next_preset(store.run, store.home, "made", (), "a reason", (3,)).yaml()


SHOW, SHOW_JSON = Verb(("show", RUN_ID)), Verb(("show", RUN_ID, "--json"))
WATCH, REPORT = Verb(("watch", RUN_ID, "--plain"), waits=True), Verb(("report", RUN_ID), writes=True)
COMPARE, RESUME = Verb(("compare", OTHER_ID, RUN_ID)), Verb(("resume", RUN_ID, "--detach"))

# What each file matters to, so that what is spoilt is also read.
TASKS: Mapping[str, tuple[Task, ...]] = {
    "events.jsonl": (
        *(SHOW, SHOW_JSON, WATCH, REPORT, COMPARE, RESUME, read_everything, compare, supervise),
        Verb(("diagnose", RUN_ID)),
        Verb(("diagnose", RUN_ID, "--json")),
        Verb(("compare", RUN_ID, OTHER_ID, "--json")),
    ),
    "state.json": (
        Verb(("ls",)),
        Verb(("ls", "--json")),
        Verb(("status",)),
        Verb(("status", "--tmux")),
        Verb(("stop", RUN_ID), writes=True),
        Verb(("ask", "save", RUN_ID), writes=True),
        RESUME,
    ),
    "run.json": (SHOW, SHOW_JSON, REPORT),
    "system.jsonl": (SHOW, WATCH),
    "preset.yaml": (
        *(REPORT, COMPARE, draft, supervise),
        Verb(("presets", "diff", OTHER_ID, RUN_ID)),
        Verb(("presets", "new", "made", "--from", RUN_ID)),
    ),
    "checkpoints": (
        Verb(("clean", RUN_ID)),
        Verb(("clean", "--yes"), writes=True),
        *(RESUME, read_foreign),
        Verb(("resume", RUN_ID, "--detach", "--step", "16")),
    ),
    "console.log": (WATCH, read_foreign),
    "queue.json": (
        *(RESUME, SHOW, Verb(("queue",)), Verb(("queue", "--json"))),
        Verb(("queue", "move", RUN_ID, "first"), writes=True),
        Verb(("queue", "pause", RUN_ID), writes=True),
        Verb(("queue", "remove", RUN_ID), writes=True),
    ),
}


def tasks_of(paths: Iterable[str]) -> tuple[Task, ...]:
    """What these files matter to."""
    found = [
        task for path in paths for start, tasks in TASKS.items() if path.startswith(start) for task in tasks
    ]
    return tuple(dict.fromkeys([*found, read_everything]))
