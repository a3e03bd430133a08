"""verl's console logger: `step:1 - actor/pg_loss:-0.003 - critic/rewards/mean:0.088 - …`, a line a step.

What TRL measures too gets TRL's name, the rest keeps its own.
"""

from __future__ import annotations

import re
from pathlib import Path

from runner.foreign.line_log import NUMBER, LineLog, as_number, find_log

KEYS = {
    "actor/pg_loss": "loss",
    "train/loss": "loss",
    "val/loss": "eval_loss",
    "actor/grad_norm": "grad_norm",
    "train/grad_norm": "grad_norm",
    "actor/lr": "learning_rate",
    "train/lr": "learning_rate",
    "critic/rewards/mean": "reward",
    "actor/kl_loss": "kl",
    "actor/entropy": "entropy",
    "actor/entropy_loss": "entropy",
    "response_length/mean": "completions/mean_length",
    "response_length/clip_ratio": "completions/clipped_ratio",
}
# What is not measured by the training, but of its machine and of its data.
LEFT_OUT = re.compile(r"(?:timing|perf|mfu|global_seqlen|prompt_length|training)\W?.*|.*_gb|timing_.*")
# Old versions print rates as multiples: actor/lr(1e-4):0.010.
_PAIR = re.compile(rf"(?<=- )([A-Za-z][^\s:()]*)(?:\((\d+e-?\d+)\))?:(?:np\.\w+\()?({NUMBER})\)?(?=\s|$)")
_TOTAL = re.compile(r"Training Progress:.*?\b\d{1,15}/(\d{1,15}) \[")
_VAL = re.compile(r"val(?:-core|-aux)?/")


class VerlLog(LineLog):
    """Follows the output of verl."""

    kind = "verl log"
    sign = re.compile(r"(?:^|\s)step:(\d{1,15}) (?=- [A-Za-z][^\s:]*:\S)")

    def read(self, line: str) -> None:
        if (match := _TOTAL.search(line)) is not None:
            self.book.facts.set_total(int(match[1]))
        if (match := self.sign.search(line)) is None:
            return
        logs: dict[str, float] = {}
        for name, scale, value in _PAIR.findall(line, match.end()):
            if (ours := _name(name)) is not None:
                logs[ours] = as_number(value) * float(scale or 1)
        self.book.add(int(match[1]), logs)


def _name(name: str) -> str | None:
    if (ours := KEYS.get(name)) is not None:
        return ours
    if LEFT_OUT.fullmatch(name):
        return None
    return _VAL.sub("eval_", name, count=1) if _VAL.match(name) else name


def find(path: Path) -> VerlLog | None:
    return find_log(path, VerlLog)
