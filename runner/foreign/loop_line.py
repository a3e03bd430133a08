"""What a training loop prints of a step, in words of its own: a step or an epoch, and losses by name.

`step: 22  loss:  6.2250  memory: 1.41GiB`, `10 | loss 9.37 | lr 3e-4`, `completed step: 9, loss: 10.37`,
`Epoch: [0]  [1480/1504]  lr: 2e-5  loss: 1.08 (1.13)`, `Epoch [1/5], Step [100/600], Loss: 2.27`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from runner.foreign.line_log import NUMBER, as_number
from runner.foreign.names import EVAL_LOSSES, LOSSES, known, plain

# A count, in brackets or not, and of how many.
_COUNT = r"\s*[:=#]?\s*\[?\s*(\d{1,15})(?![\d.]*\d)(?:\s*(?:/|of)\s*(\d{1,15}))?\]?"
_STEP = re.compile(rf"\b(?:global[_ ])?(?:step|update)\b{_COUNT}", re.IGNORECASE)
_ITER = re.compile(rf"\b(?:iter|iteration|batch)\b{_COUNT}", re.IGNORECASE)
_BARE = re.compile(r"^\s*(\d{1,15})\s*(?:/\s*(\d{1,15})\s*)?[|:]")
_EPOCH = re.compile(rf"\bepoch\b{_COUNT}(?:\s*\[\s*(\d{{1,15}})\s*/\s*(\d{{1,15}})\s*\])?", re.IGNORECASE)
# Numbers that a name stands before; a running mean in brackets behind is none.
_VALUE = re.compile(rf"([A-Za-z][\w/]*(?:[ -][A-Za-z][\w/]*)*)\s*[:=]?\s*({NUMBER})(?![\d:])")
_LEVEL = re.compile(r"\b(?:INFO|DEBUG|WARNING)\b:?")
# What the losses behind are of.
_SIDE = re.compile(r"\b(?:(train(?:ing)?)|eval(?:uation)?|val(?:id(?:ation)?)?|dev)\b", re.IGNORECASE)
_PLACES = {"step", "global_step", "update", "iter", "iteration", "batch", "epoch"}


@dataclass(frozen=True)
class LoopLine:
    """A step and its values, under the names of a Trainer. Counts are as they are printed, None where none is."""

    step: int | None = None
    iteration: int | None = None
    epoch: int | None = None
    # Of how many steps (or iterations, where there is no step), and epochs.
    of: int | None = None
    of_epochs: int | None = None
    values: dict[str, float] = field(default_factory=dict)


def read_line(line: str) -> LoopLine | None:
    """None for a line that does not say both where it was and a loss."""
    if "loss" not in line.lower():
        return None
    step, iteration, epoch = _STEP.search(line), _ITER.search(line), _EPOCH.search(line)
    if step is None and iteration is None and epoch is None:
        step = _BARE.match(line)
    if step is None and iteration is None and epoch is None:
        return None
    values = _values(_LEVEL.sub(" ", line))
    if not any(name.endswith("loss") for name in values):
        return None
    of = step or iteration
    inside = epoch[3] if epoch is not None else None
    return LoopLine(
        step=_int(step[1]) if step is not None else None,
        iteration=_int(iteration[1]) if iteration is not None else _int(inside),
        epoch=_int(epoch[1]) if epoch is not None else None,
        of=_int(of[2]) if of is not None else _int(epoch[4]) if epoch is not None else None,
        of_epochs=_int(epoch[2]) if epoch is not None else None,
        values=values,
    )


def _values(line: str) -> dict[str, float]:
    """The first number of each name."""
    values: dict[str, float] = {}
    for match in _VALUE.finditer(line):
        name = plain(match[1])
        if name in _PLACES:
            continue
        ours = known(name)
        if (
            name in LOSSES
            and name not in EVAL_LOSSES
            and "train" not in name
            and _is_held_out(line[: match.start()])
        ):
            ours = "eval_loss"
        values.setdefault(ours, as_number(match[2]))
    return values


def _is_held_out(before: str) -> bool:
    sides = _SIDE.findall(before)
    return bool(sides) and not sides[-1]


def _int(text: str | None) -> int | None:
    return int(text) if text else None
