"""Append-only JSON lines: written a whole line at a time, read past torn tails and garbage.

What a record's values are written as is said by protocol.py.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from runner import safe_open
from runner.store import protocol

Record = dict[str, Any]

READ_BYTES = 1 << 20
# No event, log or report has a longer line; of a file of one line as much would be held in memory.
MOST_LINE_BYTES = 4 << 20
# How long a full disk is waited for with what is still to be said.
LAST_WORDS_SECONDS = 60.0
# What a disk or a network file system says that may take the line a minute later.
PASSING = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN}
# Nothing that ftui writes is deeper; what is could be read, and then not be compared, copied or written.
MOST_DEPTH = 60
# By so many bytes before the place where reading goes on a file is known to be the one that was read: a line of events
# holds its time and its step.
KNOWN_BYTES = 64
MOST_DIGITS = 18


class LineWriter:
    """Appends one JSON object a line, each with a single write, so that readers and other writers see whole lines.
    Texts are written without secrets; a link in the file's place is not followed; a file that was deleted or replaced
    meanwhile is opened anew.
    """

    def __init__(self, path: Path, patient: bool = False) -> None:
        """A `patient` writer keeps lines that a full disk or a server that went away does not take, and writes them, in
        order, when it does again.
        """
        self._patient = patient
        self._held: deque[bytes] = deque()
        self._path = path
        self._fd = self._open()

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one record. Raises OSError when the disk does."""
        line = json.dumps(
            protocol.as_written(record), ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
        data = line.encode("utf-8", errors="replace") + b"\n"
        if self._held:
            self._held.append(data)
            self._make_up()
            return
        try:
            self._write(data)
        except OSError as error:
            if not self._patient or error.errno not in PASSING:
                raise
            self._held.append(data)

    def _make_up(self) -> None:
        """Write what was held back, as far as it can be written now."""
        while self._held:
            try:
                self._write(self._held[0])
            except OSError as error:
                if error.errno not in PASSING:
                    raise
                return
            self._held.popleft()

    def _write(self, data: bytes) -> None:
        status = os.fstat(self._fd)
        if not status.st_nlink:
            anew = self._open()
            os.close(self._fd)
            self._fd = anew
            status = os.fstat(self._fd)
        self._end_torn_line(status.st_size)
        written = os.write(self._fd, data)
        if written != len(data):
            raise OSError(errno.ENOSPC, f"only {written} of {len(data)} bytes could be written")

    def close(self) -> None:
        """What is still held back is given a minute to be taken; after that, or where it cannot be, it is lost."""
        deadline = time.monotonic() + LAST_WORDS_SECONDS
        try:
            self._make_up()
            while self._held and time.monotonic() < deadline:
                time.sleep(1)
                self._make_up()
        except OSError:
            self._held.clear()
        finally:
            os.close(self._fd)

    def __enter__(self) -> LineWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> int:
        return safe_open.open_fd(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW)

    def _end_torn_line(self, size: int) -> None:
        """A full disk takes half a line, and so does a process that dies: it must not cost the next one."""
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            os.write(self._fd, b"\n")


class LineTail:
    """Reads a growing file of JSON lines from where it stopped the last time.

    A tail without a newline is "not yet"; a line that is no JSON object, or too long to be one of ours, is counted in
    `bad_lines` and passed over; a file that is another one by now, or was emptied and written anew, be it longer than
    it was, is read again from its start, and `restarts` counts it. With `tail_bytes` reading begins at the first whole
    line in so many bytes before the end, with `start` at that byte, which begins a line.
    """

    def __init__(self, path: Path, tail_bytes: int | None = None, start: int = 0) -> None:
        self.path = path
        self.bad_lines = 0
        self.restarts = 0
        self.has_more = False
        self.offset = start
        self._pending = b""
        self._known = b""
        self._inode = 0
        self._skip_line = False
        if tail_bytes is not None:
            self._start_near_end(tail_bytes)

    def _start_near_end(self, tail_bytes: int) -> None:
        try:
            status = self.path.stat()
        except OSError:
            return
        self._inode = status.st_ino
        # From the byte before: where that ends a line, the one that follows is whole.
        self.offset = max(0, status.st_size - tail_bytes - 1)
        self._skip_line = status.st_size > tail_bytes

    def left(self) -> int:
        """Bytes of the file that were not read yet."""
        try:
            return max(0, self.path.stat().st_size - self.offset)
        except OSError:
            return 0

    def read_whole(self, limit_bytes: int = READ_BYTES) -> bytes:
        """The next whole lines as one piece, without the last line's end, from at most `limit_bytes` of file; empty
        when there are none yet.
        """
        try:
            with safe_open.open_binary(self.path) as stream:
                status = os.fstat(stream.fileno())
                if not self._goes_on_in(stream, status):
                    self.offset, self._pending, self.restarts = 0, b"", self.restarts + 1
                    self._skip_line, self._known = False, b""
                    stream.seek(0)
                self._inode = status.st_ino
                data = stream.read(limit_bytes)
        except OSError:
            self.has_more = False
            return b""
        self.has_more = self.offset + len(data) < status.st_size
        self.offset += len(data)
        self._known = (self._known + data[-KNOWN_BYTES:])[-KNOWN_BYTES:]
        end = data.rfind(b"\n")
        if end < 0:
            self._keep(data)
            return b""
        # One copy, where rpartition of a sum makes three: this is most of the time of reading a long run.
        view = memoryview(data)
        whole = b"".join((self._pending, view[:end]))
        self._pending = bytes(view[end + 1 :])
        if self._skip_line:
            self._skip_line = False
            return whole.partition(b"\n")[2]
        return whole

    def _keep(self, data: bytes) -> None:
        """The beginning of a line, or more of it; not of one that is passed over."""
        if self._skip_line:
            return
        self._pending += data
        if len(self._pending) > MOST_LINE_BYTES:
            self._pending, self._skip_line = b"", True
            self.bad_lines += 1

    def _goes_on_in(self, stream: BinaryIO, status: os.stat_result) -> bool:
        """Whether this file holds what was read of it, up to where reading goes on; then the stream stands there."""
        if status.st_size < self.offset or (self._inode and status.st_ino != self._inode):
            return False
        stream.seek(self.offset - len(self._known))
        return stream.read(len(self._known)) == self._known

    def read(self, limit_bytes: int = READ_BYTES) -> list[Record]:
        """The next whole lines as records, from at most `limit_bytes` of file."""
        lines = self.read_whole(limit_bytes).split(b"\n")
        return [record for line in lines if (record := self.parse(line)) is not None]

    def read_all(self) -> list[Record]:
        """Every whole line there is now."""
        records = self.read()
        while self.has_more:
            records += self.read()
        return records

    def parse(self, line: bytes) -> Record | None:
        """The JSON object in a line; None, and counted as bad, for anything else but an empty line."""
        if not line.strip():
            return None
        record = parse_object(line)
        self.bad_lines += record is None
        return record


def parse_object(line: bytes) -> Record | None:
    """The JSON object in a line, None for anything else."""
    try:
        record = loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def loads(data: bytes) -> Any:
    """The value in a JSON text; whole numbers of more than 18 digits come as decimals, infinite ones among them.
    Raises ValueError for what is no JSON or nested too deeply, and RecursionError.
    """
    value = _decoder.decode(data.decode(json.detect_encoding(data), "surrogatepass"))
    if data.count(b"[") + data.count(b"{") > MOST_DEPTH and _is_deep(value, MOST_DEPTH):
        raise ValueError("nested too deeply")
    return value


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= MOST_DIGITS else float(digits)


# json.loads with an option makes a new one for every line.
_decoder = json.JSONDecoder(parse_int=_whole)


def _is_deep(value: Any, left: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    items = value.values() if isinstance(value, dict) else value
    return left == 0 or any(_is_deep(item, left - 1) for item in items)
