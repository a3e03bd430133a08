"""Megatron's log: ` iteration 20/ 1000 | … | learning rate: 4.0E-05 | lm loss: 1.07E+01 | grad norm: 3.874 |`, and
` validation loss at iteration 1000 | lm loss value: 5.3E+00 | lm loss PPL: 2.0E+02 |`.
"""

from __future__ import annotations

import re
from pathlib import Path

from runner.foreign.line_log import NUMBER, LineLog, as_number, find_log
from runner.foreign.names import plain

_TRAIN = re.compile(rf"\biteration\s+(\d{{1,15}})/\s*(\d{{1,15}}) \|(?=.*\bloss: {NUMBER})")
_VAL = re.compile(r"\b(validation|test) loss at (?:iteration (\d{1,15})|the end of training)[^|]*\|")
_PAIR = re.compile(rf"\| ?([A-Za-z][\w -]*?):\s+({NUMBER})(?= ?\|)")
KEYS = {"lm_loss": "loss", "reduced_train_loss": "loss"}
VALUES = {"lm_loss_value": "loss", "lm_loss_ppl": "ppl"}
# Counts and sizes.
LEFT_OUT = re.compile(
    r"consumed_.*|global_batch_size|loss_scale|number_of_.*|num_zeros|actual_seqlen|samples_per.*"
)


class MegatronLog(LineLog):
    """Follows Megatron's output."""

    kind = "Megatron log"
    sign = re.compile(rf"{_TRAIN.pattern}|{_VAL.pattern}")

    def begin(self) -> None:
        super().begin()
        self._step = 0

    def read(self, line: str) -> None:
        if (train := _TRAIN.search(line)) is not None:
            self._step = int(train[1])
            self.book.facts.set_total(int(train[2]))
            self.book.add(self._step, _values(line, train.end() - 1, KEYS))
        elif (val := _VAL.search(line)) is not None:
            step = int(val[2]) if val[2] else self._step
            prefix = "eval_" if val[1] == "validation" else "eval_test_"
            values = _values(line, val.end() - 1, VALUES)
            self.book.add(step, {prefix + name: value for name, value in values.items()})


def _values(line: str, start: int, keys: dict[str, str]) -> dict[str, float]:
    found = {plain(name): as_number(value) for name, value in _PAIR.findall(line, start)}
    return {keys.get(name, name): value for name, value in found.items() if not LEFT_OUT.fullmatch(name)}


def find(path: Path) -> MegatronLog | None:
    return find_log(path, MegatronLog)
