"""`python -P -m tests.faults.ill_screen ILLNESS …`: the command line, whose screen falls ill at the key `n`."""

from __future__ import annotations

import os
import sys
import threading
import time

from tests.faults.no_threads import refuse
from tui.cli import main


def loops() -> None:
    while True:
        pass


def sleeps() -> None:
    time.sleep(1000)


def waits_for_a_lock() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def aborts() -> None:
    os.abort()


def raises() -> None:
    raise RuntimeError("a handler that is wrong")


def raises_in_a_thread() -> None:
    threading.Thread(target=raises, name="wrong thread").start()


def has_no_threads() -> None:
    setattr(threading.Thread, "start", refuse)  # noqa: B010


def moves_the_clock(by: float) -> None:
    real = time.time
    time.time = lambda: real() + by


def is_a_day_ahead() -> None:
    moves_the_clock(DAY)


def is_a_day_back() -> None:
    moves_the_clock(-DAY)


DAY = 86_400.0
ILLNESSES = {
    work.__name__.replace("_", " "): work
    for work in (
        loops,
        sleeps,
        waits_for_a_lock,
        aborts,
        raises,
        raises_in_a_thread,
        has_no_threads,
        is_a_day_ahead,
        is_a_day_back,
    )
}

if __name__ == "__main__":
    from tui.screens.main import MainScreen

    fall_ill = ILLNESSES[sys.argv.pop(1)]

    def fall_ill_visibly(screen: MainScreen) -> None:
        os.write(2, b"\x1b[1;1Hit falls ill ")
        fall_ill()

    setattr(MainScreen, "action_new", fall_ill_visibly)  # noqa: B010
    main()
