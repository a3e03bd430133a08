"""`ftui doctor`: what a run would find on this machine; also the page to send with a bug report."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby

import click

from runner.doctor import Check, Health, examine
from tui.cli import out
from tui.cli.parameters import json_option
from tui.cli.text import print_json, waiting

MARKS = {Health.OK: ("✔", "green"), Health.NOTE: ("·", "yellow"), Health.BAD: ("✖", "red")}
NAME_WIDTH = 13
WIDEST = 120

Line = tuple[out.Part, ...]


@click.command()
@json_option()
def doctor(as_json: bool) -> None:
    """Check this machine: driver, GPUs, PyTorch, 4-bit kernels, compiler, versions, disk, environment, terminal.

    Exit code 1 when a run would fail, or not do what its preset says. Send this page with a bug report.
    """
    with waiting("Looking at this machine …"):
        checks = [*examine(), terminal()]
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        for line in lines(checks, shutil.get_terminal_size().columns):
            out.echo(*line)
    sys.exit(int(any(check.health is Health.BAD for check in checks)))


def lines(checks: Sequence[Check], width: int) -> list[Line]:
    """The page, in lines no wider than the terminal; only a command to be copied is one line however long."""
    found = [line for check in _joined(checks) for line in _check(check, min(width, WIDEST))]
    bad = [check.name for check in checks if check.health is Health.BAD]
    if bad:
        words = f"A run would fail, or not do what it says: {', '.join(dict.fromkeys(bad))}."
        found += [(), *((out.styled(line, fg="red"),) for line in textwrap.wrap(words, min(width, WIDEST)))]
    return found


def _joined(checks: Sequence[Check]) -> list[Check]:
    """Healthy checks of one group as one."""
    found: list[Check] = []
    for group, members in groupby(checks, key=lambda check: check.group):
        if not group:
            found += members
            continue
        words = " · ".join(
            f"{one.name}{'=' if group == 'environment' else ' '}{one.value}" for one in members
        )
        found.append(Check(group, Health.OK, words))
    return found


def _check(check: Check, width: int) -> list[Line]:
    mark, colour = MARKS[check.health]
    indent = " " * (NAME_WIDTH + 3)
    room = max(20, width - len(indent))
    value = _wrapped(check.value, room) or [""]
    head = (out.styled(mark, fg=colour), f" {check.name:<{NAME_WIDTH}} {value[0]}")
    found: list[Line] = [head, *((indent + line,) for line in (*value[1:], *_wrapped(check.hint, room)))]
    # Broken into lines and indented it could not be copied.
    return [*found, (check.command,)] if check.command else found


def _wrapped(text: str, room: int) -> list[str]:
    return [part for line in text.splitlines() for part in textwrap.wrap(line, room, break_on_hyphens=False)]


def terminal() -> Check:
    """The terminal the screen would be drawn in."""
    name = os.environ.get("TERM", "")
    has_tmux = "tmux is installed" if shutil.which("tmux") else "no tmux"
    size = shutil.get_terminal_size()
    inside = "inside tmux" if os.environ.get("TMUX") else has_tmux
    value = f"{name or 'TERM is not set'}, {size.columns}×{size.lines}, {inside}"
    if size.columns < 80 or size.lines < 24:
        return Check("terminal", Health.NOTE, value, "The screen wants 80×24 or more.")
    return Check("terminal", Health.OK, value)
