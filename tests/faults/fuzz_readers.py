"""What the screen and every verb do with a run directory: read it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml.comments import CommentedMap

from runner import safe_open
from runner.check import records
from runner.commands import resume
from runner.commands.resume import Resumption
from runner.insight.diagnosis import diagnose
from runner.preset import document, files
from runner.preset.errors import PresetError
from runner.queue import tickets
from runner.report import markdown, svg
from runner.store import checkpoints, console, directory, disk_usage, requests, summary
from runner.store.directory import RunDirectory
from runner.store.errors import LaunchError
from runner.store.history import read_history
from runner.store.rows import rows_of
from runner.supervision import reattach, replan
from tests.faults.fuzz_base import LAST, PRESET
from tests.faults.fuzz_disk import Store
from tui.cli.follow import numbers
from tui.models.run_view import RunRow, RunView
from tui.services.run_reader import RunDirectoryReader, read_row

STEPS = (1, 2, LAST, LAST + 1, -1, 10**400)


def make_quick(patch: pytest.MonkeyPatch) -> None:
    """Every look is a real one, nothing is started, and the preset that is not spoilt is parsed once: that takes longer
    than all the rest.
    """
    patch.setattr("runner.insight.diagnosis.throttled.PAUSE", 0.0)
    patch.setattr("tui.services.run_reader.STATE_SECONDS", 0.0)
    patch.setattr("tui.services.run_reader.JUDGE_SECONDS", 0.0)
    # What is another machine's may live for minutes after it was written, which is now.
    patch.setattr("runner.store.life.SILENT_SECONDS", -1e12)
    patch.setattr("tui.cli.resume.go_on", lambda run, step=None, **_: Resumption(None))
    parse = document.parse
    known: list[CommentedMap] = []

    def parse_once(path: Path) -> CommentedMap:
        with contextlib.suppress(OSError):
            if safe_open.read_bytes(path) == PRESET:
                known[:] = known or [parse(path)]
                return known[0]
        return parse(path)

    patch.setattr(document, "parse", parse_once)


def read_library(store: Store) -> None:
    """The library's readers, each once."""
    run = store.run
    state = summary.read_state(run)
    summary.phase_of(state)
    history = read_history(run)
    curves = history.curves()
    verdict = diagnose(curves)
    summary.summarise(history, verdict)
    with contextlib.suppress(LaunchError):
        resume.to_resume_from(run)
    checkpoints.newest(run)
    disk_usage.holding(run)
    console.last_lines(run.console, 200)
    _read_small(store.home, run)
    markdown.text(run, history, curves, verdict)
    svg.curve(curves, verdict, run.id)
    try:
        replan.read(run, files.load_frozen(run.preset))
    except PresetError as error:
        assert str(error)


def _read_small(home: Path, run: RunDirectory) -> None:
    for names in rows_of(run, STEPS).values():
        assert all(len(name) == 2 for name in names)
    directory.links_out(run)
    requests.reason_of(run, requests.Request.SAVE)
    requests.pending(run, requests.Request.SAVE)
    reattach.is_orphan(run)
    reattach.trainer_pid(run)
    tickets.read_ticket(run)
    tickets.waiting(home)
    records._read.clear()
    records.memory_records(home)


def follow(store: Store, change: Callable[[], Any]) -> tuple[RunView | None, RunRow]:
    """The screen's way: polled, changed under the reader, polled again; returns the last view and the row."""
    follower = RunDirectoryReader(store.run)
    seen = None
    for look in range(4):
        if look == 2:
            change()
        if (view := follower.poll()) is not None:
            numbers(view)
            seen = view
    follower.close()
    return seen, read_row(store.run)
