"""What nanoGPT and its kin print: `iter 10: loss 2.3, time 50ms` and `step 250: train loss 2.1, val loss 2.2`, or a val
loss alone.

The losses of a step line are both measured with the weights of that step, over some batches of each split: that is a
probe of the training data beside the held-out loss. Numbers of iterations are taken as they are printed.
"""

from __future__ import annotations

import re
from pathlib import Path

from runner.foreign.line_log import NUMBER, LineLog, as_number, find_log
from runner.foreign.loop_line import read_line

_SEP = r"[,|;]?\s+"
_BOTH = re.compile(
    rf"(?:^|\s)(?:step|iter|iteration)\s*:?\s*(\d{{1,15}})\s*[:|,]?\s*train[_ ]loss[:=]?\s*({NUMBER}){_SEP}"
    rf"val(?:idation)?[_ ]loss[:=]?\s*({NUMBER})",
    re.IGNORECASE,
)
_ITER = re.compile(rf"(?:^|\s)iter (\d{{1,15}}): loss ({NUMBER})(?=[, ]|$)")
_VAL = re.compile(rf"(?:^|\s)(?:step|iter) (\d{{1,15}}): val loss ({NUMBER})", re.IGNORECASE)
_NORM = re.compile(rf"\b(?:grad_)?norm:? ({NUMBER})")
_RATE = re.compile(rf"\blr ({NUMBER})")


class NanoGptLog(LineLog):
    """Follows a log of nanoGPT."""

    kind = "nanoGPT log"
    sign = re.compile(f"{_BOTH.pattern}|{_ITER.pattern}", re.IGNORECASE)

    @classmethod
    def is_sign(cls, line: str) -> bool:
        return bool(_BOTH.search(line) or _ITER.search(line))

    def read(self, line: str) -> None:
        if (match := _BOTH.search(line)) is not None:
            self.book.add(
                int(match[1]),
                {"eval_train_probe_loss": as_number(match[2]), "eval_val_loss": as_number(match[3])},
            )
        elif (match := _ITER.search(line)) is not None:
            logs = {"loss": as_number(match[2])}
            for name, pattern in (("learning_rate", _RATE), ("grad_norm", _NORM)):
                if (beside := pattern.search(line, match.end())) is not None:
                    logs[name] = as_number(beside[1])
            self.book.add(int(match[1]), logs)
        elif (match := _VAL.search(line)) is not None:
            self.book.add(int(match[1]), {"eval_val_loss": as_number(match[2])})
        elif (other := read_line(line)) is not None and other.step is not None:
            # Its kin print their steps in many ways: `10 | loss 9.37 | lr 3e-4`.
            self.book.add(other.step, other.values)


def find(path: Path) -> NanoGptLog | None:
    return find_log(path, NanoGptLog)
