"""A driver that gives the terminal back at every end, and stops as other programs do.

Textual 8 restores nothing when a signal ends it, leaves mouse reports in pixels on, takes any SIGCONT for the end of a
stop, and so starts a second reader and forgets how the terminal was; and it stops itself with SIGSTOP, from which
nothing comes back where there is no shell. https://github.com/Textualize/textual/issues/4104 is about the last.
tests/tui/test_patches.py pins what this rests on.
"""

from __future__ import annotations

from typing import Any, Protocol

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

from tui.terminal import stopping


class Keeper(Protocol):
    """Wants to know when the modes of a terminal are changed."""

    def begin(self) -> None: ...

    def end(self) -> None: ...


class KeptDriver(LinuxDriver):
    """Tells the app's keeper what it does to the terminal."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._keeper: Keeper = app.keeper  # type: ignore[attr-defined]

    def start_application_mode(self) -> None:
        self._keeper.begin()
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def _disable_mouse_support(self) -> None:
        super()._disable_mouse_support()
        if self._mouse_pixels:
            self.write("\x1b[?1016l")
            self._mouse_pixels = False

    def close(self) -> None:
        super().close()
        # All that was written has left by now.
        self._keeper.end()

    # Handlers of signals may run between any two steps of the loop, also while it writes: the loop does the work.

    def _sigtstp_application(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop)

    def _sigcont_application(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._begin_again)

    def _stop(self) -> None:
        if stopping.has_shell():
            self.suspend_application_mode()
            stopping.stop_process(self.fileno)
            self._resume()

    def _begin_again(self) -> None:
        """After a stop that could not be seen coming: others may have used the terminal."""
        stopping.wait_for_foreground(self.fileno)
        self.suspend_application_mode()
        self._resume()

    def _resume(self) -> None:
        self.resume_application_mode()
        self._app.refresh(layout=True)
