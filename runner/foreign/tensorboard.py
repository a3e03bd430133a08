"""TensorBoard event files: the one trace that every trainer can leave, with the arguments of the run in it.

Read without the package tensorboard: its loader imports TensorFlow where that is installed, which takes seconds and
writes over the screen, and stands still for good at a damaged record; of its messages little is needed here.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from runner import safe_open
from runner.foreign import event_record
from runner.foreign.checkpoints import checkpoints, output_directory
from runner.foreign.logbook import Events
from runner.foreign.names import LOSSES as LOSS_TAGS
from runner.foreign.names import flat
from runner.foreign.trace import Trace

PATTERN = "events.out.tfevents.*"
LOSSES = {"train/loss", *LOSS_TAGS}
READ_BYTES = 1 << 20
# Frame: length (8 bytes), its checksum (4), the record, its checksum (4), all little-endian.
HEAD_BYTES, TAIL_BYTES = 12, 4
MOST_RECORD_BYTES = 64 << 20
ARGUMENTS = "args/text_summary"


def find(path: Path) -> TensorBoard | None:
    """An event file, a folder of them, or an output directory with `runs/…`."""
    is_there = ".tfevents." in path.name if path.is_file() else bool(_event_files(path))
    return TensorBoard(path) if is_there else None


def _event_files(path: Path) -> list[Path]:
    """The event files of a folder, of those under its `runs`, or else of the newest folder below; oldest first."""
    for patterns in ((PATTERN,), (f"runs/*/{PATTERN}", f"runs/{PATTERN}")):
        if files := {file for pattern in patterns for file in path.glob(pattern)}:
            return sorted(files, key=_age)
    below = sorted((file for deep in ("*", "*/*") for file in path.glob(f"{deep}/{PATTERN}")), key=_age)
    return [file for file in below if file.parent == below[-1].parent]


def _age(file: Path) -> tuple[float, str]:
    """When a file was begun, which is in its name: events.out.tfevents.<seconds>.<host>.<pid>.<n>."""
    match = re.search(r"tfevents\.(\d+)", file.name)
    return (float(match[1]) if match else 0.0, str(file))


class TensorBoard(Trace):
    """Follows the event files of one run, those of its resumes too, in the order they were begun.

    Of several runs in one place it is the newest: a file whose steps begin where a run begins is another one's.
    """

    kind = "TensorBoard"

    def __init__(self, path: Path) -> None:
        folder = path if path.is_dir() else path.parent
        self._folder = output_directory(folder)
        super().__init__(path, self._folder.name)
        self._files: dict[Path, _EventFile] = {}
        self._first_steps: dict[Path, tuple[list[int], int]] = {}
        self._look()

    @property
    def is_busy(self) -> bool:
        return any(file.has_more for file in self._files.values())

    def sources(self) -> list[Path]:
        return list(self._files)

    def poll(self) -> Events:
        self._look()
        if any(file.was_replaced() for file in self._files.values()):
            self.book.reset()
            self._files, self._first_steps = {}, {}
            self._look()
        count = 0
        for file in self._files.values():
            for record in file.records():
                count += 1
                self._take(file, record)
            # What comes after waits, or steps would go back.
            if file.has_more:
                break
        self.bad_lines = sum(file.bad for file in self._files.values())
        self.book.add_checkpoints(checkpoints(self._folder))
        return self.book.take(is_settled=not count)

    def _look(self) -> None:
        """Find new files; those of a newer run take the place of all others."""
        files = [self.path] if self.path.is_file() else _event_files(self.path)
        runs = self._runs(files)
        newest = runs[-1] if runs else []
        if not set(self._files) <= set(newest):
            self.book.reset()
            self._files = {}
        for file in newest:
            if file not in self._files:
                self._files[file] = _EventFile(file)
        older = dict.fromkeys(
            str(run[0].parent if run[0].parent != self.path else run[0]) for run in reversed(runs[:-1])
        )
        self.others = tuple(older)

    def _runs(self, files: list[Path]) -> list[list[Path]]:
        """The files by run, each in the order they were begun. One without a train step belongs to the run before."""
        runs: list[list[Path]] = []
        first = 0
        for file in files:
            steps = self._steps_of(file) if len(files) > 1 else []
            if not runs or (steps and _is_fresh(steps, first)):
                # Without a step so far, its files are those of this run.
                is_empty = bool(runs) and not first
                runs = [*runs[:-1], [*runs[-1], file]] if is_empty else [*runs, [file]]
                first = steps[0] if steps else 0
            else:
                runs[-1].append(file)
        return runs

    def _steps_of(self, file: Path) -> list[int]:
        """The first two train steps in a file, as far as they are there."""
        known, size = self._first_steps.get(file, ([], -1))
        if len(known) < 2 and size < READ_BYTES and (now := _size(file)) != size:
            known = _first_steps(file)
            self._first_steps[file] = known, now
        return known

    def _take(self, file: _EventFile, record: bytes) -> None:
        try:
            event = event_record.decode(record)
        except ValueError:
            file.bad += 1
            return
        for value in event.values:
            if value.tag == ARGUMENTS:
                self.book.facts.take_json(value.text or b"")
            elif value.number is not None:
                # Lightning's tag; a Trainer's are below train/, and shares of the data.
                self.book.facts.counts_epochs = self.book.facts.counts_epochs or value.tag == "epoch"
                self.book.add(event.step, {flat(value.tag): value.number}, event.wall_time)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return -1


def _is_fresh(steps: list[int], first: int) -> bool:
    """Whether a file whose first train steps these are begins a run, rather than going on with one begun at `first`."""
    if len(steps) > 1 and steps[1] > steps[0]:
        return steps[0] <= steps[1] - steps[0]
    return not first or steps[0] <= first


def _first_steps(file: Path) -> list[int]:
    steps: list[int] = []
    for record in _EventFile(file).records():
        try:
            event = event_record.decode(record)
        except ValueError:
            continue
        if any(value.tag in LOSSES for value in event.values) and event.step not in steps:
            steps.append(event.step)
        if len(steps) == 2:
            break
    return steps


class _EventFile:
    """Reads whole records from where it stopped; a torn one is not yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bad = 0
        self.has_more = False
        self._offset = 0
        self._inode = 0
        self._is_lost = False

    def was_replaced(self) -> bool:
        try:
            status = self.path.stat()
        except OSError:
            return False
        return status.st_size < self._offset or self._inode not in (0, status.st_ino)

    def records(self) -> Iterator[bytes]:
        """The next records, from at most READ_BYTES of file (or one record that is longer)."""
        self.has_more = False
        if self._is_lost:
            return
        try:
            with safe_open.open_binary(self.path) as stream:
                status = self._status(stream.fileno())
                stream.seek(self._offset)
                data = stream.read(READ_BYTES)
                if (need := _frame_bytes(data)) is not None and READ_BYTES < need <= MOST_RECORD_BYTES:
                    data += stream.read(need - len(data))
        except OSError:
            return
        start = self._offset
        yield from self._split(data)
        self.has_more = self._offset > start and self._offset < status and not self._is_lost

    def _status(self, descriptor: int) -> int:
        status = os.fstat(descriptor)
        self._inode = status.st_ino
        return status.st_size

    def _split(self, data: bytes) -> Iterator[bytes]:
        at = 0
        while (need := _frame_bytes(data[at : at + HEAD_BYTES])) is not None:
            if need > MOST_RECORD_BYTES:
                # No length can be trusted behind a damaged one.
                self._is_lost = True
                self.bad += 1
                return
            if at + need > len(data):
                return
            yield data[at + HEAD_BYTES : at + need - TAIL_BYTES]
            at += need
            self._offset += need


def _frame_bytes(head: bytes) -> int | None:
    """Length of the frame that begins so; None while its head is not there."""
    if len(head) < HEAD_BYTES:
        return None
    return int(struct.unpack_from("<Q", head)[0]) + HEAD_BYTES + TAIL_BYTES
