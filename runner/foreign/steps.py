"""The steps of printed logs, which say at which epoch they were written but mostly not at which step.

Some trainers print the step in the entry. A bar drawn next to an entry says it, where both reached the log in order.
Where they did not (bars go to stderr at once, what is printed to stdout by the block), or where there is none, epochs
tell how far apart the entries are; how many steps an epoch has is told by the trainer's own header, by the last bar
when training has ended, by its summary, or roughly by bars that are ahead. Without any of it, entries are counted. A
log that was appended to is placed part by part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from runner.foreign.printed import Entry, Printed
from runner.foreign.values import number

# Of a step: bars are drawn ten times a second, so some lag.
STEP_TOLERANCE = 0.02


def find_steps(entries: Sequence[Entry], printed: Printed) -> list[int]:
    """The step of each entry; `entries` are those of `printed` that count."""
    total = printed.training_total()
    counted: list[int] | None = None
    steps: list[int] = []
    parts = _parts(entries)
    for start, end in pairwise(parts):
        part = entries[start:end]
        found = _by_name(part)
        if found is None and total is not None:
            found = _by_bars(part, _drawn_after(part, total))
        if found is None and total is not None:
            found = _by_bars(part, [e.before.get(total) for e in part])
        if found is None:
            if counted is None:
                counted = _by_count(entries, _steps_per_epoch(printed, entries[parts[-2] :], total))
            found = counted[start:end]
        steps += found
    return steps


def _parts(entries: Sequence[Entry]) -> list[int]:
    """Where the log was begun, begun again or resumed, and its end: epochs go back there."""
    starts, epoch = [0], -math.inf
    for index, entry in enumerate(entries):
        if entry.is_train and entry.epoch < epoch:
            starts.append(index)
        if entry.is_train and math.isfinite(entry.epoch):
            epoch = entry.epoch
    return [*starts, len(entries)]


def _by_name(entries: Sequence[Entry]) -> list[int] | None:
    steps = [entry.step for entry in entries]
    return [step for step in steps if step is not None] if None not in steps else None


def _drawn_after(entries: Sequence[Entry], total: int) -> list[int | None]:
    """The step of the first bar after each entry. After an evaluation that is the next step's where the bar is not
    drawn again: it belongs to the log of the step before. Where entries stand on the lines of bars there is none: the
    next one is the next step's.
    """
    drawn: list[int | None] = []
    if sum(entry.is_beside for entry in entries) * 2 > len(entries):
        return [None] * len(entries)
    for entry in entries:
        before, after = entry.before.get(total), entry.after.get(total)
        is_next = not entry.is_train and after is not None and before is not None and after == before + 1
        drawn.append(before if is_next and drawn and drawn[-1] == before else after)
    return drawn


def _by_bars(entries: Sequence[Entry], drawn: Sequence[int | None]) -> list[int] | None:
    """The steps that bars show, if each entry but the last has one and they keep pace with the epochs."""
    if not entries or None in drawn[:-1] or (drawn[-1] is None and len(drawn) < 2):
        return None
    steps = [step for step in drawn if step is not None]
    if drawn[-1] is None:
        steps.append(_next(entries, steps))
    return steps if _keep_pace(entries, steps) else None


def _keep_pace(entries: Sequence[Entry], steps: Sequence[int]) -> bool:
    """Whether steps and epochs rise alike, as closely as epochs are printed."""
    known = [(step, e.epoch) for e, step in zip(entries, steps, strict=True) if e.is_train and e.epoch > 0]
    if not known:
        return True
    grain = _grain(entries)
    last_step, last_epoch = max(known, key=lambda pair: pair[1])
    pace = last_step / last_epoch
    # What rounding does to the last epoch it does to the pace.
    slack = [1 + STEP_TOLERANCE * step + grain * pace * (1 + epoch / last_epoch) for step, epoch in known]
    near = all(abs(step - epoch * pace) <= room for (step, epoch), room in zip(known, slack, strict=True))
    return near and pace >= 1


def _grain(entries: Sequence[Entry]) -> float:
    """Half a unit of the last digit that epochs are printed with; 0 when they are exact."""
    digits = [len(str(entry.logs.get("epoch")).partition(".")[2]) for entry in entries[-512:]]
    most = max(digits, default=0)
    return 0.5 * 10.0**-most if most else 0.0


def _next(entries: Sequence[Entry], steps: Sequence[int]) -> int:
    """The step of an entry after which no bar was drawn yet."""
    last, before = entries[-1], entries[-2]
    if not last.is_train or (last.epoch == before.epoch and not before.is_train):
        return steps[-1]
    usual = steps[-1] - steps[-2] if len(steps) > 1 else 1
    if before.epoch > 0 and last.epoch > 0 and last.epoch != before.epoch and _grain(entries) < 0.004:
        return round(steps[-1] * last.epoch / before.epoch)
    return steps[-1] + max(1, usual)


def _steps_per_epoch(printed: Printed, entries: Sequence[Entry], total: int | None) -> float | None:
    if printed.total and printed.epochs:
        return math.ceil(printed.total / printed.epochs)
    # Evaluations may follow the end of the training.
    last = next((entry for entry in reversed(entries) if "train_runtime" in entry.logs), None)
    if last is None:
        return _by_lag(entries, total)
    if not last.epoch > 0:
        return None
    drawn = printed.drawn.get(total) if total is not None else None
    if drawn is not None and drawn >= last.epoch:
        return drawn / last.epoch
    return _by_summary(entries, last)


def _by_lag(entries: Sequence[Entry], total: int | None) -> float | None:
    """From bars that are ahead of what is printed: they are least where a buffer was written just before."""
    seen = [(e.before.get(total, 0), e.epoch) for e in entries if e.is_train] if total is not None else []
    return min((step / epoch for step, epoch in seen if step and epoch > 0 and step >= epoch), default=None)


def _by_summary(entries: Sequence[Entry], last: Entry) -> float | None:
    """From the duration and the steps a second in the last entry, where they are printed exactly enough to tell how
    many steps lie between two entries.
    """
    seconds, rate = (number(last.logs.get(key)) for key in ("train_runtime", "train_steps_per_second"))
    digits = len(str(last.logs.get("train_steps_per_second")).partition(".")[2])
    gap = _gap([entry.epoch for entry in entries if entry.is_train])
    if not seconds or not rate or not gap > 0:
        return None
    per_epoch = seconds * rate / last.epoch
    stride = round(gap * per_epoch)
    error = gap * per_epoch * 0.5 * 10.0**-digits / rate
    return per_epoch if stride >= 1 and error + abs(gap * per_epoch - stride) < 0.5 else None


def _by_count(entries: Sequence[Entry], steps_per_epoch: float | None) -> list[int]:
    """Train entries counted, each worth as many steps as the epochs say; others belong to the one before."""
    gap = _gap([entry.epoch for entry in entries if entry.is_train])
    stride = max(1, round(gap * steps_per_epoch)) if steps_per_epoch and gap > 0 else 1
    grain = _grain(entries)
    steps, count, before = [], 0, math.nan
    for entry in entries:
        if entry.is_train:
            # Where a log begins in mid-run, and at a resume, the epoch says where it goes on.
            is_placed = entry.epoch < before or (not count and entry.epoch - grain > 2.5 * gap)
            count = max(1, round(entry.epoch / gap)) if gap > 0 and is_placed else count + 1
            before = entry.epoch
        steps.append(_whole(entry, count, stride, steps_per_epoch, grain))
    return steps


def _gap(epochs: Sequence[float]) -> float:
    """Epochs from one train entry to the next, over the longest stretch without a resume; NaN when not known."""
    starts = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(epochs)) if b < a), len(epochs)]
    start, end = max(pairwise(starts), key=lambda part: part[1] - part[0])
    if end - start < 2 or not epochs[end - 1] > epochs[start]:
        return math.nan
    return (epochs[end - 1] - epochs[start]) / (end - 1 - start)


def _whole(entry: Entry, count: int, stride: int, steps_per_epoch: float | None, grain: float) -> int:
    """The count is exact where it agrees with the epoch, which is rounded; evaluations may lie between the counts."""
    counted = count * stride
    if not steps_per_epoch or not entry.epoch > 0:
        return counted
    placed = round(entry.epoch * steps_per_epoch)
    room = 1 + STEP_TOLERANCE * counted + grain * steps_per_epoch
    return counted if abs(placed - counted) <= room else placed
