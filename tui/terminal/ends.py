"""Signals that end the screen: it is asked to, and made to when it does not answer."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
# Of an app that hangs; one that is well needs a tenth of it.
PATIENCE_SECONDS = 1.5


def exit_code(number: int) -> int:
    """What a shell calls a process that ended by this signal."""
    return 128 + number


@contextmanager
def ended_by_signals(ask: Callable[[int], object], force: Callable[[], object]) -> Iterator[None]:
    """While this lasts, a signal that ends calls `ask` with the exit code, in a thread; if this still lasts after
    PATIENCE_SECONDS, `force`, and the process ends. Main thread only. Signals that are ignored stay so (nohup).

    The kernel's handler writes the signal's number to a pipe whatever the main thread does; a handler in Python would
    wait for it.
    """
    heard, told = os.pipe()
    for fd in (heard, told):
        os.set_inheritable(fd, False)
    os.set_blocking(told, False)
    before = {
        number: signal.signal(number, lambda *_: None)
        for number in ENDING
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    over = threading.Event()

    def listen() -> None:
        while not over.is_set():
            code = next((exit_code(n) for n in os.read(heard, 1024) if n in before), None)
            if code is None:
                continue
            ask(code)
            if not over.wait(PATIENCE_SECONDS):
                force()
                os._exit(code)

    threading.Thread(target=listen, name="ending signals", daemon=True).start()
    previous = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(previous)
        for number, handler in before.items():
            signal.signal(number, handler)
        # The thread ends with the process: closing the pipe under its read would let another file take the number.
