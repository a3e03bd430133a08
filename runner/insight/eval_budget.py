"""How often, and on how many rows, a run is evaluated within a share of its compute: the one rule for the trainer, the
advice and the count of disk space.

Unit of cost: the forward pass of one token. A trained token costs three of them (the backward pass is two), four with
gradient checkpointing, which repeats the forward pass. Answers are made token by token; see DECODE.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

from runner.insight.batch import BatchPlan, interval_beside
from runner.insight.data import DataReport
from runner.preset.schema import Preset

# One new token of every answer in a batch reads, and of 4-bit weights unpacks, the whole model: some 36 GB of traffic
# for 8 B, 40–60 ms at 1 TB/s, in which a forward pass takes about 250 tokens.
DECODE = 256
# Answers are waited for until the longest is done: about twice the mean.
LONGEST_TO_MEAN = 2.0
LONGEST_LIMIT = 512
MOST_ROWS, LEAST_ROWS = 512, 32
LEAST_EVALUATIONS = 6
# Enough training rows to see the gap; the verdict rests on the held-out ones.
PROBED = (64, 128)
# What is not known before the rows are counted.
ROW_TOKENS, ANSWER_TOKENS = 256.0, 64.0
# Of x, the share of evaluations made, x ** 0.85 of the steps are done: the first comes late, at a seventh of the run,
# while the loss falls faster than any noise; the last ones are close, where best checkpoints and rises are found.
STRETCH = 0.85


@dataclass(frozen=True)
class Counted:
    """What there is to train and to evaluate on. Tokens are means of a sample before packing; a row is several samples
    where its conversation is unrolled.
    """

    train_samples: int
    eval_rows: int = MOST_ROWS
    general_rows: int = 0
    row_tokens: float = ROW_TOKENS
    answer_tokens: float = ANSWER_TOKENS
    samples_per_row: float = 1.0


def counted(preset: Preset, data: DataReport | None, plan: BatchPlan) -> Counted:
    """What is known before a run, from the X-ray of its data; usual lengths where it is not."""
    if data is None or data.problem or not data.train_samples or not data.lengths:
        return Counted(plan.steps_per_epoch * plan.effective_batch)
    tokens = data.mean_length(preset.train.max_length)
    share = data.trained_share or 0.0
    each = data.train_samples / data.train_rows
    return Counted(data.train_samples, data.eval_rows, data.general_rows, tokens, tokens * share, each)


@dataclass(frozen=True)
class EvalPlan:
    """The evaluations of a run. They come every `interval` steps, or at the steps of `grid` when that is None; step 0
    and the last step are always among them.

    `rows`, `probe_rows` and `general_rows` are evaluated each time; answers are asked for at the steps of
    `answered_at`, None for all. `share` is the part of the run's compute that goes to them.
    """

    total_steps: int
    interval: int | None
    grid: tuple[int, ...]
    rows: int
    probe_rows: int
    general_rows: int
    save_steps: int | None
    answered_at: tuple[int, ...] | None = None
    share: float = 0.0

    @property
    def times(self) -> int:
        """Evaluations after that of step 0."""
        return len(self.grid) if self.interval is None else math.ceil(self.total_steps / self.interval)

    @property
    def saves(self) -> int:
        """Checkpoints that are written without being asked for."""
        return self.times if self.save_steps is None else math.ceil(self.total_steps / self.save_steps)

    @property
    def saves_apart(self) -> bool:
        """Whether there are checkpoints at steps that are not evaluated."""
        return self.save_steps is not None and (self.interval is None or self.save_steps % self.interval != 0)

    @cached_property
    def _steps(self) -> frozenset[int]:
        return frozenset(self.grid)

    @property
    def row_losses(self) -> int:
        """Row losses that are computed in the whole run."""
        return (self.times + 1) * (self.rows + self.probe_rows + self.general_rows)

    def as_dict(self) -> dict[str, object]:
        """As it stands in a `plan` event."""
        return {
            "eval_steps": self.interval,
            "eval_grid": list(self.grid),
            "eval_rows": self.rows,
            "probe_rows": self.probe_rows,
            "answered_at": None if self.answered_at is None else list(self.answered_at),
            "eval_share": round(self.share, 4),
        }

    def is_due(self, step: int) -> bool:
        """Whether a step is evaluated."""
        if self.interval is None:
            return step in self._steps
        return step == self.total_steps or step % self.interval == 0

    def is_answered(self, step: int) -> bool:
        """Whether answers go with the evaluation at a step; with one that was asked for they do."""
        return self.answered_at is None or step in self.answered_at or (step > 0 and not self.is_due(step))


@dataclass(frozen=True)
class _Rung:
    """One way to spend: evaluations after step 0, held-out rows, and how often answers are asked for (0: always)."""

    times: int
    rows: int
    answers: int = 0


# From all that is of use to the least a verdict can be made of. Rows go first: the error of a paired difference falls
# with their root, and 128 tell as much of a trend as a verdict needs; then answers in between; then evaluations.
# Answers of the base and of the end are always there.
LADDER = (
    *(_Rung(10, rows) for rows in (512, 384, 256, 192, 128)),
    _Rung(10, 128, 3),
    *(_Rung(8, rows, 3) for rows in (128, 96, 64)),
    *(_Rung(LEAST_EVALUATIONS, rows, 3) for rows in (64, 48, LEAST_ROWS)),
    _Rung(LEAST_EVALUATIONS, LEAST_ROWS, 2),
)


def plan_evaluations(preset: Preset, plan: BatchPlan, counted: Counted) -> EvalPlan:
    """The first rung of the ladder that stays within `eval.budget`, else the last. What the preset sets itself,
    `eval.eval_steps` (or `output.save_steps`, which it follows) and `eval.max_eval_samples`, stays as it is set.
    """
    possible = [_planned(preset, plan, counted, rung) for rung in LADDER]
    return next((one for one in possible if one.share <= preset.eval.budget), possible[-1])


def is_fixed(preset: Preset) -> bool:
    """Whether the preset itself says when to evaluate or on how many rows."""
    return _interval(preset, 1) is not None or preset.eval.max_eval_samples != "auto"


def stretched(total: int, times: int) -> tuple[int, ...]:
    """At most `times` steps up to the last one, the gaps between them ever shorter (see STRETCH)."""
    if total <= times:
        return tuple(range(1, total + 1))
    return tuple(sorted({max(1, round(total * (i / times) ** STRETCH)) for i in range(1, times + 1)}))


def _planned(preset: Preset, plan: BatchPlan, counted: Counted, rung: _Rung) -> EvalPlan:
    section, total = preset.eval, plan.total_steps
    interval = _interval(preset, total)
    most = rung.rows if section.max_eval_samples == "auto" else section.max_eval_samples
    rows = min(counted.eval_rows, most)
    grid = () if interval is not None else stretched(total, rung.times)
    always = not rung.answers or interval is not None
    save = preset.output.save_steps
    found = EvalPlan(
        total_steps=total,
        interval=interval,
        grid=grid,
        rows=rows,
        probe_rows=_probed(rows, round(counted.train_samples / counted.samples_per_row))
        if section.train_probe
        else 0,
        general_rows=min(counted.general_rows, most),
        save_steps=interval if save == "auto" else save,
        answered_at=None if always else _few(grid, rung.answers),
    )
    cost = _cost(preset, counted, found)
    return replace(found, share=cost / (cost + _training(preset, plan, counted)))


def _interval(preset: Preset, total: int) -> int | None:
    """Steps between evaluations where the preset decides them; None where the budget does."""
    if preset.eval.eval_steps != "auto":
        return preset.eval.eval_steps
    return None if preset.output.save_steps == "auto" else interval_beside(preset.output.save_steps, total)


def _probed(rows: int, train_rows: int) -> int:
    low, high = PROBED
    return min(rows, train_rows, high, max(low, rows // 2))


def _few(grid: tuple[int, ...], times: int) -> tuple[int, ...]:
    """So many steps of step 0 and the grid, evenly, both ends among them."""
    steps = (0, *grid)
    last = len(steps) - 1
    return tuple(sorted({steps[math.ceil(last * i / (times - 1))] for i in range(times)}))


def _training(preset: Preset, plan: BatchPlan, counted: Counted) -> float:
    passes = 4 if preset.train.gradient_checkpointing else 3
    packed = counted.train_samples / plan.steps_per_epoch
    rows = packed if preset.train.packing else min(plan.effective_batch, counted.train_samples)
    return passes * plan.total_steps * rows * counted.row_tokens


def _cost(preset: Preset, counted: Counted, plan: EvalPlan) -> float:
    times = plan.times + 1
    rows = plan.rows + plan.probe_rows + plan.general_rows
    losses = rows * counted.samples_per_row * counted.row_tokens
    asked = times if plan.answered_at is None else len(plan.answered_at)
    return times * losses + asked * _answers(preset, counted)


def _answers(preset: Preset, counted: Counted) -> float:
    """Of the held-out rows and of the sample prompts, each in one batch; the prompts are read in one pass."""
    section = preset.eval
    rows = min(section.answer_rows, counted.eval_rows)
    limit = min(LONGEST_LIMIT, LONGEST_TO_MEAN * counted.answer_tokens) if rows else 0.0
    return rows * counted.row_tokens + DECODE * (limit + section.sample_max_new_tokens)
