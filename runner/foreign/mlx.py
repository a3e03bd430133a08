"""What mlx-lm and its kin print: `Iter 10: Train loss 2.363, Learning Rate 1.000e-05, …`, `Iter 1: Val loss 2.480, …`.

Since 0.32 mlx-lm draws a table instead. Numbers of iterations are taken as they are printed.
"""

from __future__ import annotations

import re
from pathlib import Path

from runner.foreign.line_log import NUMBER, LineLog, as_number, find_log
from runner.foreign.names import plain

_ITER = re.compile(rf"(?:^|\s)Iter\s*(\d{{1,15}}): (?=(?:(?:Train )?loss|Val loss) {NUMBER})")
# ORPO and others of its kin leave the word Train out, and name what they measure after the loss.
_TRAIN = re.compile(rf"(?:Train )?loss ({NUMBER})(.*)")
_VAL = re.compile(rf"Val loss ({NUMBER})(.*)")
_PAIR = re.compile(rf"(?:^|[, ]\s*)(?:Val )?([A-Za-z][\w/ ]*?) ({NUMBER})(?=[,s ]|$)")
# '   20    1.508 ▼       82     1.9k' and '    1    val 2.480    0.73s'.
_ROW = re.compile(r"^\s+(\d{1,15})\s+(\S+) [▼▲]\s+[\d,]+\s+([\d.,]+)k\s*$")
_VAL_ROW = re.compile(rf"^\s+(\d{{1,15}})\s+val\s+({NUMBER})\s+[\d.]+s\s*$")
_DRAWN = re.compile(r"^train\b.*·\s+[\d,]+/([\d,]{1,18})\s*$")
_TOTAL = re.compile(r"Starting .*training.*iters: (\d{1,15})")
_END = re.compile(r"Saved final (?:adapter )?weights")
KEYS = {"trained_tokens": "num_tokens"}


class MlxLog(LineLog):
    """Follows the output of mlx_lm.lora."""

    kind = "mlx-lm log"
    sign = re.compile(rf"{_ITER.pattern}|{_ROW.pattern}|{_VAL_ROW.pattern}")

    def read(self, line: str) -> None:
        if (match := _ITER.search(line)) is not None:
            self._take(int(match[1]), line[match.end() :])
        elif (row := _ROW.match(line)) is not None:
            tokens = 1000 * as_number(row[3])
            self.book.add(int(row[1]), {"loss": row[2], "num_tokens": tokens})
        elif (row := _VAL_ROW.match(line)) is not None:
            self.book.add(int(row[1]), {"eval_loss": as_number(row[2])})
        elif (drawn := _DRAWN.match(line)) is not None:
            self.book.facts.set_total(int(drawn[1].replace(",", "")))
        elif (match := _TOTAL.search(line)) is not None:
            self.book.facts.set_total(int(match[1]))
        elif _END.search(line):
            self.book.is_complete = True

    def _take(self, step: int, text: str) -> None:
        train, val = _TRAIN.match(text), _VAL.match(text)
        if train is not None:
            logs = {"loss": as_number(train[1])} | _pairs(train[2])
            # Printed together by some: Train loss 2.45, Val loss 2.51.
            if (loss := logs.pop("val_loss", logs.pop("loss_val", None))) is not None:
                logs["eval_loss"] = loss
            self.book.add(step, logs)
        elif val is not None:
            self.book.add(
                step, {"eval_loss": as_number(val[1])} | {f"eval_{k}": v for k, v in _pairs(val[2]).items()}
            )


def _pairs(text: str) -> dict[str, float]:
    found = {plain(name): as_number(value) for name, value in _PAIR.findall(text)}
    return {KEYS.get(name, name): value for name, value in found.items() if name != "took"}


def find(path: Path) -> MlxLog | None:
    return find_log(path, MlxLog)
