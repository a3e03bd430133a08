"""Looks at the data of the preset that is edited, through a child process; and fetches pages of it."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.messages import DataSeen, PageSeen
from tui.models.data_page import DataPage, page_of
from tui.services.service import Post, Service

if TYPE_CHECKING:
    from runner.preset.schema import Preset

# A preset must have been left alone for so long before its data are looked at again.
SETTLE_SECONDS = 0.6


class XrayService(Service):
    """Posts DataSeen as the examination goes on, and PageSeen for pages asked for."""

    seconds = 3600.0

    def __init__(self, post: Post, home: Path) -> None:
        super().__init__(post)
        self._home = home
        self._change = threading.Lock()
        self._wanted: Preset | None = None
        self._key = ""
        self._child: subprocess.Popen[bytes] | None = None
        self._pages: list[tuple[str, int]] = []

    def want(self, preset: Preset | None) -> None:
        """Look at the data of this preset; None for none, which ends the child."""
        with self._change:
            self._wanted = preset
            if preset is None:
                self._key = ""
        self.nudge()

    def fetch(self, source: str, row: int) -> None:
        """Ask for a page; the newest one counts when the child is still starting."""
        with self._change:
            self._pages = [(source, row)]
        self.nudge()

    def stop(self) -> None:
        super().stop()
        self._end_child()

    def look(self) -> None:
        with self._change:
            wanted, pages = self._wanted, self._pages
        if wanted is None:
            self._end_child()
            self._key = ""
            return
        from runner.check import xray
        from runner.machine.training_stack import missing_packages
        from runner.supervision.launch import missing_files

        missing = missing_files(wanted) or [f"{name} is not installed" for name in missing_packages()]
        if missing:
            self._cannot(wanted, "\n".join(missing))
            return
        key = xray.xray_key(wanted)
        if key != self._key:
            if self._key and not self._settled(wanted):
                return
            self._end_child()
            self._key = key
            report = xray.read_report(self._home, key)
            self.post(DataSeen(report))
            if report is None or not report.complete:
                self._start_child(wanted, key)
        if pages:
            if self._child is None or self._child.poll() is not None:
                self._start_child(wanted, key)
            self._send_pages()

    def _cannot(self, wanted: Preset, words: str) -> None:
        """Say once why there is nothing to look at."""
        from runner.check import xray

        self._end_child()
        key = f"missing: {words}"
        if key != self._key:
            self._key = key
            self.post(DataSeen(xray.failure({"message": words}, wanted)))
        self._refuse_pages(words)

    def _refuse_pages(self, words: str) -> None:
        with self._change:
            asked, self._pages = self._pages, []
        for source, row in asked:
            self.post(PageSeen(DataPage(source, row, problem=words)))

    def _settled(self, wanted: Preset) -> bool:
        """Whether the preset was not changed for a moment; when it was, a nudge is on its way already."""
        time.sleep(SETTLE_SECONDS)
        with self._change:
            return self._wanted is wanted

    def _start_child(self, preset: Preset, key: str) -> None:
        from runner.check import xray

        self._end_child()
        try:
            child = xray.start(preset, self._home, key, interactive=True)
        except OSError as error:
            self.post(DataSeen(xray.cannot_start(error, preset)))
            return
        self._child = child
        threading.Thread(
            target=self._listen, args=(child, preset, key), name="XrayListener", daemon=True
        ).start()

    def _listen(self, child: subprocess.Popen[bytes], preset: Preset, key: str) -> None:
        from runner.check import xray

        # Leaving the block closes the pipes and takes the exit code.
        said_anything = False
        with child:
            assert child.stdout is not None
            for line in child.stdout:
                if child is not self._child:
                    child.terminate()
                    return
                message = xray.parse_message(line)
                said_anything = said_anything or bool(message)
                self._take(message, preset, key)
        if child is self._child and child.returncode == -signal.SIGALRM:
            self._take({"type": "error", **xray.STUCK}, preset, key)
        elif child is self._child and not said_anything:
            self._take({"type": "error", "message": "The X-ray ended without a word."}, preset, key)

    def _take(self, message: dict[str, Any], preset: Preset, key: str) -> None:
        from runner.check import xray

        kind = message.get("type")
        if kind == "report" and (report := xray.read_report(self._home, key)) is not None:
            self.post(DataSeen(report))
        elif kind == "page":
            self.post(PageSeen(page_of(message)))
        elif kind == "error":
            self.post(DataSeen(xray.failure(message, preset)))
            self._refuse_pages(str(message.get("message", "")))

    def _send_pages(self) -> None:
        child = self._child
        with self._change:
            pages, self._pages = self._pages, []
        if child is None or child.stdin is None:
            return
        try:
            for source, row in pages:
                child.stdin.write(json.dumps({"source": source, "row": row}).encode() + b"\n")
            child.stdin.flush()
        except (OSError, ValueError):
            # It has just ended, its pipe is closed; a person who still wants the page asks again.
            return

    def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.terminate()
