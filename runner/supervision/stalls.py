"""Why a silent trainer is silent: stopped by a signal, waiting for a disk, or at which line of Python it hangs."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import psutil

from runner import safe_open

STACK = "stack.txt"
WAIT_SECONDS = 2.0
# "Current thread" is the main one: Python's handlers run there.
_FRAMES = re.compile(r'Current thread .*?\n((?:  File ".*\n?)+)')
_FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')


def why_silent(pid: int, folder: Path) -> str:
    """What a process that says nothing is doing, in a sentence; its stack is appended to stack.txt in the run's folder.
    Empty when that cannot be told.
    """
    try:
        process = psutil.Process(pid)
        if str(folder) not in process.cmdline():
            # Numbers of processes are used again.
            return ""
        status = process.status()
    except psutil.Error:
        return ""
    if status in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP):
        return f"Its process is stopped by a signal; `kill -CONT {pid}` lets it go on."
    if status == psutil.STATUS_DISK_SLEEP:
        return "Its process waits for a disk or a network file system."
    text = dump(pid, folder / STACK)
    place = innermost(text)
    return f"It hangs in {place}; the whole stack is in {STACK}." if place else ""


def dump(pid: int, path: Path) -> str:
    """Have a trainer write its stack (runner/train/stacks.py); returns what it wrote. Empty when it does not listen."""
    if not _listens(pid):
        # To a process that does not, the signal is the end.
        return ""
    before = _size(path)
    try:
        os.kill(pid, signal.SIGUSR1)
    except OSError:
        return ""
    deadline = time.monotonic() + WAIT_SECONDS
    while _size(path) == before and time.monotonic() < deadline:
        time.sleep(0.05)
    # It writes a line at a time.
    time.sleep(0.1)
    try:
        with safe_open.open_binary(path) as stream:
            stream.seek(before)
            return stream.read(1 << 20).decode("utf-8", errors="replace")
    except OSError:
        return ""


def innermost(text: str) -> str:
    """'wait (threading.py:327), called by fetch (loader.py:42)' of the main thread; empty without a stack."""
    found = _FRAMES.search(text)
    frames = _FRAME.findall(found[1]) if found else []
    places = [f"{name} ({Path(file).name}:{line})" for file, line, name in frames[:2]]
    return ", called by ".join(places)


def _listens(pid: int) -> bool:
    """Whether a process has a handler for SIGUSR1: a bit of SigCgt in /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)", status, re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGUSR1 - 1) & 1)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
