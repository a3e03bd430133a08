"""fairseq's log, simple (`epoch 001 | loss 2.3 | num_updates 2 | …`) or JSON (`train_inner | {"epoch": 1, …}`).

Its losses are to the base of 2 and are left as they are printed. Averages of an epoch count only where nothing is
printed within it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from runner.foreign.line_log import NUMBER, LineLog, find_log
from runner.store.jsonl import parse_object

_SIMPLE = re.compile(
    rf"(?:^|\| ?)epoch (\d{{1,9}}) \|(?: valid on '(\w+)' subset \|)?(?= .*?\bloss {NUMBER})"
)
_INNER = re.compile(r"\btrain_inner \| epoch (\d{1,9}):\s+\d+ / \d+ (?=loss=)")
_JSON = re.compile(r"\| (train_inner|train|\w+) \| (\{\"epoch\": .*\})\s*$")
_BARRED = re.compile(rf"(?:^|\| )([A-Za-z][\w -]*?) ({NUMBER})(?= \||\s*$)")
_EQUAL = re.compile(rf"([A-Za-z]\w*)=({NUMBER})")
_END = re.compile(r"\bdone training in [\d.]+")
_TOTAL = re.compile(r"max_update: (\d{1,15})")
KEYS = {"lr": "learning_rate", "gnorm": "grad_norm"}
SPEEDS = {
    "wps",
    "ups",
    "wpb",
    "bsz",
    "wall",
    "train_wall",
    "gb_free",
    "clip",
    "oom",
    "loss_scale",
    "update",
    "num_updates",
}


class FairseqLog(LineLog):
    """Follows a fairseq log."""

    kind = "fairseq log"
    sign = re.compile(r"num_updates")

    @classmethod
    def is_sign(cls, line: str) -> bool:
        return _take_apart(line) is not None

    def begin(self) -> None:
        super().begin()
        self._has_inner = False
        self.book.facts.counts_epochs = True

    def read(self, line: str) -> None:
        if (found := _take_apart(line)) is not None:
            self._take(*found)
        elif _END.search(line):
            self.book.is_complete = True
        elif (match := _TOTAL.search(line)) is not None:
            self.book.facts.set_total(int(match[1]))

    def _take(self, part: str, values: dict[str, Any]) -> None:
        self._has_inner = self._has_inner or part == "train_inner"
        if part == "train" and self._has_inner:
            return
        try:
            step = int(values["num_updates"])
        except (KeyError, ValueError, TypeError):
            return
        logs = {KEYS.get(key, key): value for key, value in values.items() if key not in SPEEDS}
        if part not in ("train", "train_inner"):
            prefix = "eval_" if part == "valid" else f"eval_{part}_"
            logs = {key if key == "epoch" else f"{prefix}{key}": value for key, value in logs.items()}
        self.book.add(step, logs)


def _take_apart(line: str) -> tuple[str, dict[str, Any]] | None:
    """The part a line is about (train, train_inner, valid or another set) and its values."""
    if (match := _JSON.search(line)) is not None:
        part, values = match[1], parse_object(match[2].encode())
        if values is None:
            return None
        return part, {key.removeprefix(f"{part}_"): value for key, value in values.items()}
    if (match := _INNER.search(line)) is not None:
        return "train_inner", {"epoch": match[1]} | dict(_EQUAL.findall(line, match.end()))
    if (match := _SIMPLE.search(line)) is not None:
        values = {
            name.replace(" ", "_"): value for name, value in _BARRED.findall(line[match.end() :].lstrip())
        }
        return match[2] or "train", {"epoch": match[1]} | values
    return None


def find(path: Path) -> FairseqLog | None:
    return find_log(path, FairseqLog)
