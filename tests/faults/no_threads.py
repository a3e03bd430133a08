"""`python -P -m tests.faults.no_threads …`: the command line, for which no thread can be made (`ulimit -u`)."""

from __future__ import annotations

import threading

from tui.cli import main


def refuse(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


if __name__ == "__main__":
    setattr(threading.Thread, "start", refuse)  # noqa: B010
    main()
