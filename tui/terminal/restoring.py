"""Giving a terminal back as it was before a full screen, from outside of what draws it.

As a program (`python -I -S restoring.py ATTRIBUTES`) it waits at its stdin until the screen's process is gone, and
does so if the last word was BEGUN: a process that is killed, aborts or runs out of memory cannot do it itself. Then
stdout is the terminal written to, stderr the one whose attributes are set. It imports little, to be there at once.
"""

from __future__ import annotations

import marshal
import os
import select
import signal
import sys
import termios

BEGUN, ENDED = b"b", b"e"

# What a screen begins, ended in an order that terminals take: the keyboard protocol before the screen it belongs to.
ENDS = "".join(
    (
        "\x1b[?2026l",  # a frame that was not written to its end
        "\x1b[?2004l",  # bracketed paste
        "\x1b[?7h",  # line wrap
        "\x1b[?2048l",  # resizes told in band
        "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l",  # the mouse
        "\x1b[<u",  # the kitty keyboard protocol
        "\x1b[?1049l",  # the alternate screen
        "\x1b[0m\x1b[?25h",  # colours, cursor
        "\x1b[?1004l",  # focus
    )
)
# A terminal whose output is held back takes nothing, and is not waited for.
WRITE_SECONDS = 0.5

Attributes = list[int | list[bytes | int]]


def attributes_of(fd: int) -> Attributes | None:
    """The attributes of a terminal; None of what is none."""
    try:
        return termios.tcgetattr(fd)
    except (termios.error, OSError):
        return None


def restore(written: int, read: int, attributes: Attributes | None) -> None:
    """End every mode of the screen on the terminal behind `written`, and give the one behind `read` its attributes.
    Never raises: there may be no terminal any more.
    """
    # From a process group in the background this would stop the process instead.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        if attributes is not None:
            termios.tcsetattr(read, termios.TCSANOW, attributes)
    except (termios.error, OSError):
        pass
    try:
        if select.select([], [written], [], WRITE_SECONDS)[1]:
            os.write(written, ENDS.encode())
    except (OSError, ValueError):
        pass
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _is_ours(fd: int) -> bool:
    """Whether no shell has taken the terminal since: it sets attributes of its own."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return False


def main() -> None:
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    attributes = marshal.loads(bytes.fromhex(sys.argv[1]))
    word = ENDED
    while said := os.read(0, 64):
        word = said[-1:]
    if word == BEGUN:
        restore(1, 2, attributes if _is_ours(2) else None)


if __name__ == "__main__":
    main()
