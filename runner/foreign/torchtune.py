"""torchtune's log on disk or on stdout, `Step 1 | loss:2.08 lr:2e-05 tokens_per_second_per_gpu:57.8`, and what its bars
show: `1|10|Loss: 1.2345:  10%|█ | …`, the epoch and the step. A bar is drawn several times; a log says more than one.
"""

from __future__ import annotations

import re
from pathlib import Path

from runner.foreign.line_log import NUMBER, LineLog, as_number, find_log
from runner.foreign.logbook import Events
from runner.foreign.names import known

_PAIR = re.compile(rf"([\w/.@-]+):({NUMBER})(?=\s|$)")
_LINE = re.compile(r"(?:^|\s)Step (\d{1,15}) \| (?=\S+:\S)")
_BAR = re.compile(rf"(?:^|\s)(\d{{1,9}})\|(\d{{1,15}})\|Loss: +({NUMBER}):")


class TorchtuneLog(LineLog):
    """Follows a torchtune log."""

    kind = "torchtune log"
    sign = re.compile(rf"{_LINE.pattern}|{_BAR.pattern}")

    @classmethod
    def is_sign(cls, line: str) -> bool:
        match = _LINE.search(line)
        return bool(_PAIR.match(line, match.end())) if match is not None else bool(_BAR.search(line))

    def begin(self) -> None:
        super().begin()
        self._has_lines = False

    def read(self, line: str) -> None:
        if (match := _LINE.search(line)) is not None:
            if not self._has_lines:
                self._has_lines = True
                self.book.reset()
            logs = {known(name): value for name, value in _PAIR.findall(line, match.end())}
            self.book.add(int(match[1]), logs)
        elif not self._has_lines and (match := _BAR.search(line)) is not None:
            self.book.add(int(match[2]), {"loss": as_number(match[3])})

    def take_events(self) -> Events:
        return self.book.take() if self._has_lines else self.book.take_flushed()


def find(path: Path) -> TorchtuneLog | None:
    return find_log(path, TorchtuneLog)
