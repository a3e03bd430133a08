"""torchtune's log on disk or on stdout: `Step 1 | loss:2.08 lr:2e-05 tokens_per_second_per_gpu:57.8`."""

from __future__ import annotations

import re
from pathlib import Path

from runner.foreign.line_log import NUMBER, LineLog, find_log
from runner.foreign.names import known

_PAIR = re.compile(rf"([\w/.@-]+):({NUMBER})(?=\s|$)")


class TorchtuneLog(LineLog):
    """Follows a torchtune log."""

    kind = "torchtune log"
    sign = re.compile(r"(?:^|\s)Step (\d{1,15}) \| (?=\S+:\S)")

    @classmethod
    def is_sign(cls, line: str) -> bool:
        match = cls.sign.search(line)
        return match is not None and bool(_PAIR.match(line, match.end()))

    def read(self, line: str) -> None:
        if (match := self.sign.search(line)) is not None:
            logs = {known(name): value for name, value in _PAIR.findall(line, match.end())}
            self.book.add(int(match[1]), logs)


def find(path: Path) -> TorchtuneLog | None:
    return find_log(path, TorchtuneLog)
