"""What a preset means in numbers: batch, steps, warm-up, tokens, rate, evaluations, forgetting."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from runner.insight import ranges
from runner.insight.batch import effective_batch
from runner.insight.data import DataReport
from runner.insight.eval_budget import EvalPlan, is_fixed
from runner.insight.figures import size
from runner.insight.lint.rule import LintFacts
from runner.insight.split import held_out_size
from runner.preset.data_sources import GENERAL, holds_out_own_rows, mixed_in, source_named
from runner.preset.schema import Preset


class Tone(StrEnum):
    """How a figure bears on the run."""

    PLAIN = "plain"
    GOOD = "good"
    NOTE = "note"


@dataclass(frozen=True)
class Advice:
    """One line: what it is about, the figure, and what is usual."""

    label: str
    value: str
    note: str = ""
    tone: Tone = Tone.PLAIN


def advise(facts: LintFacts, before: Preset | None = None) -> tuple[Advice, ...]:
    """Every line for a preset; `before` is the preset as it was opened, to compare the effective batch with."""
    lines = [batch_line(facts.preset), *steps_lines(facts), *tokens_lines(facts), rate_line(facts)]
    if before is not None and (root := square_root_line(facts.preset, before)) is not None:
        lines.append(root)
    return (*lines, *evaluation_lines(facts), forgetting_line(facts.preset), *disk_lines(facts))


def batch_line(preset: Preset) -> Advice:
    """'4 × 4 × 1 GPU = 16'."""
    train, usual = preset.train, ranges.EFFECTIVE_BATCH
    rows = effective_batch(train.per_device_train_batch_size, train.gradient_accumulation_steps)
    spelled = f"{train.per_device_train_batch_size} × {train.gradient_accumulation_steps} × 1 GPU = {rows}"
    if not preset.lora.use_peft:
        return Advice("Effective batch", spelled, tone=Tone.GOOD)
    fits = rows <= usual.high
    return Advice(
        "Effective batch",
        spelled,
        f"LoRA likes {usual.low:g}–{usual.high:g}",
        Tone.GOOD if fits else Tone.NOTE,
    )


def steps_lines(facts: LintFacts) -> Iterator[Advice]:
    """Steps an epoch and in all, as the trainer counts them; warm-up; epochs."""
    plan, train = facts.plan, facts.preset.train
    if plan is None:
        yield Advice("Steps", "not known before the rows are counted")
        return
    about = "" if facts.data is not None and facts.data.complete else "≈ "
    few = plan.total_steps < ranges.LEAST_STEPS
    how = f"{train.num_train_epochs:g} epochs" if train.max_steps <= 0 else f"max_steps {train.max_steps}"
    yield Advice(
        "Steps",
        f"{about}{plan.total_steps:,} in all · {plan.steps_per_epoch:,} an epoch · {how}",
        "too few updates" if few else "",
        Tone.NOTE if few else Tone.GOOD,
    )
    share = 100 * plan.warmup_steps / plan.total_steps
    low, high = 100 * ranges.WARMUP_SHARE.low, 100 * ranges.WARMUP_SHARE.high
    usual = f"usual {low:g}–{high:g} % or {ranges.WARMUP_STEPS.low:g}–{ranges.WARMUP_STEPS.high:g} steps"
    fine = (
        low - 0.5 <= share <= high + 0.5
        or ranges.WARMUP_STEPS.low <= plan.warmup_steps <= ranges.WARMUP_STEPS.high
    )
    yield Advice(
        "Warm-up",
        f"{plan.warmup_steps} steps ({share:.1f} %)",
        usual,
        Tone.GOOD if fine and share <= 25 else Tone.NOTE,
    )


def tokens_lines(facts: LintFacts) -> Iterator[Advice]:
    """Tokens of an optimizer step: how many, how many of them real, how many learned."""
    data, train = facts.data, facts.preset.train
    if data is None or data.problem or not data.lengths:
        return
    rows = train.per_device_train_batch_size * train.gradient_accumulation_steps
    mean = data.mean_length(train.max_length)
    if train.packing:
        fill = data.packing_fill(train.max_length, train.packing_strategy == "bfd_split")
        total = rows * train.max_length * fill
        words = f"≈ {thousands(total)} · packed rows {100 * fill:.0f} % full"
    else:
        padded = data.expected_longest(train.per_device_train_batch_size, train.max_length)
        total, fill = rows * mean, mean / padded if padded else 0.0
        words = f"≈ {thousands(rows * padded)} · {100 * fill:.0f} % real"
    share = data.trained_share or 0.0
    yield Advice(
        "Tokens a step",
        f"{words} · {100 * share:.0f} % learned",
        "half is padding: pack, or group by length" if fill < 0.5 and not train.packing else "",
        Tone.NOTE if fill < 0.5 else Tone.GOOD,
    )
    cut, lost = data.cut_at(train.max_length)
    if cut and not (train.packing and train.packing_strategy == "bfd_split"):
        yield Advice(
            "Cut",
            f"{cut:,} {'row' if cut == 1 else 'rows'} at {train.max_length} tokens, {lost:,} tokens lost",
            tone=Tone.NOTE,
        )


def rate_line(facts: LintFacts) -> Advice:
    """The learning rate against what is usual for the method."""
    preset = facts.preset
    rate = preset.train.learning_rate
    parameters = facts.architecture.parameters if facts.architecture is not None else None
    usual = ranges.learning_rate(preset, parameters)
    if usual is None:
        return Advice("Learning rate", f"{rate:g}", "the usual ranges are for larger models")
    inside = usual.low <= rate <= usual.high
    where = "inside" if inside else "above" if rate > usual.high else "below"
    return Advice(
        "Learning rate",
        f"{rate:g}",
        f"{where} the {preset.method} range {usual.low:g}…{usual.high:g}",
        Tone.GOOD if inside else Tone.NOTE,
    )


def square_root_line(preset: Preset, before: Preset) -> Advice | None:
    """What the square-root rule says when the effective batch was changed and the rate was not.

    Adam's rate goes with the root of the batch (Malladi et al. 2022); by at most 2 either way, because the rule fails
    beyond the critical batch (Li et al. 2024).
    """
    now, was = (
        effective_batch(one.train.per_device_train_batch_size, one.train.gradient_accumulation_steps)
        for one in (preset, before)
    )
    if now == was or preset.train.learning_rate != before.train.learning_rate:
        return None
    factor = min(2.0, max(0.5, math.sqrt(now / was)))
    return Advice(
        "√ rule",
        f"effective batch {was} → {now}: learning rate ≈ {preset.train.learning_rate * factor:.2g}",
        "a heuristic for Adam",
        Tone.NOTE,
    )


def evaluation_lines(facts: LintFacts) -> Iterator[Advice]:
    """Evaluations and checkpoints over the run."""
    if not facts.evaluates:
        yield Advice("Evaluation", "off", "overfitting cannot be seen", Tone.NOTE)
        return
    found = facts.evaluations
    if found is None:
        return
    known = facts.data is not None and bool(facts.data.eval_rows)
    rows = f" on {found.rows} rows" if known else ""
    when = f"every {found.interval} steps, " if found.interval is not None else ""
    closer = ", closer towards the end" if found.interval is None else ""
    saves = "each time" if found.save_steps is None else f"every {found.save_steps}"
    yield Advice(
        "Evaluation",
        f"{when}{found.times} times{rows}{closer} · saves {saves}",
        "checkpoints without a loss of their own" if found.saves_apart else "",
        Tone.NOTE if found.saves_apart or found.times < ranges.LEAST_EVALUATIONS else Tone.GOOD,
    )
    yield cost_line(facts.preset, found)


def cost_line(preset: Preset, found: EvalPlan) -> Advice:
    """What evaluations and answers take of the run, against eval.budget."""
    budget = preset.eval.budget
    asked = "each time" if found.answered_at is None else f"{len(found.answered_at)} times"
    answered = f" · answers {asked}" if preset.eval.answer_rows or preset.eval.sample_max_new_tokens else ""
    dear = found.share > budget
    why = "as the preset sets them" if is_fixed(preset) else "fewer would give no verdict"
    return Advice(
        "Its cost",
        f"≈ {100 * found.share:.0f} % of the run{answered}",
        f"over eval.budget, {100 * budget:g} %: {why}" if dear else f"eval.budget {100 * budget:g} %",
        Tone.NOTE if dear else Tone.GOOD,
    )


def forgetting_line(preset: Preset) -> Advice:
    """What is done against catastrophic forgetting, and whether it would be seen."""
    data = preset.data
    if mixed := mixed_in(data):
        share = 100 * sum(source.ratio for source in mixed)
        return Advice("Forgetting", f"{share:.0f} % general data mixed in, evaluated apart", tone=Tone.GOOD)
    if source_named(data, GENERAL) is not None:
        return Advice("Forgetting", "general rows evaluated, none mixed in", tone=Tone.GOOD)
    return Advice(
        "Forgetting",
        "no general data, no general evaluation",
        "data.mix blends some in, and measures it",
        Tone.NOTE,
    )


def disk_lines(facts: LintFacts) -> Iterator[Advice]:
    """What the run writes, against what is free."""
    need, free = facts.disk, facts.free_disk
    if need is not None and free is not None:
        fits = need.total <= free
        yield Advice(
            "Disk",
            f"{size(need.total)} of {size(free)} free",
            need.words if fits else "not enough",
            Tone.GOOD if fits else Tone.NOTE,
        )


def thousands(value: float) -> str:
    """'950', '12.3 k', '1.2 M'."""
    if value < 999.5:
        return f"{value:.0f}"
    return f"{value / 1000:.1f} k" if value < 999_950 else f"{value / 1e6:.1f} M"


def rows_to_train(preset: Preset, data: DataReport | None, lines: int | None = None) -> int | None:
    """Training rows after packing: from the X-ray, or guessed from the rows in the file; None while unknown."""
    if data is not None and not data.problem and data.train_samples:
        if preset.train.packing:
            return data.packed(preset.train.max_length, preset.train.packing_strategy == "bfd_split")
        return data.train_samples
    if lines is None or preset.train.packing:
        return None
    most = preset.data.max_train_samples
    rows = min(lines, most) if most else lines
    if holds_out_own_rows(preset.data):
        rows -= held_out_size(rows, preset.data.eval_fraction, preset.eval.most_rows)
    return max(1, rows)
