"""What a preset means in numbers, line by line."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.insight import batch
from runner.insight.advice import (
    Advice,
    Tone,
    advise,
    batch_line,
    evaluation_lines,
    forgetting_line,
    rate_line,
    rows_to_train,
    square_root_line,
    steps_lines,
    thousands,
    tokens_lines,
)
from runner.insight.data import DataReport
from runner.insight.lint import LintFacts
from runner.preset.schema import Preset
from tests.insight.architectures import dense

PRESET = Preset.model_validate(
    {"model": {"model_name_or_path": "./model"}, "data": {"train_dataset": "./rows.jsonl"}}
)
TINY = dense("qwen3", 128, 384, 4, 4, 2, 32, 512, True)
# Mean length 190: in a batch of 4 the longest is 1,000 in a third of the cases.
DATA = DataReport(
    complete=True,
    train_rows=1000,
    eval_rows=120,
    lengths={100: 900, 1000: 100},
    tokens=190_000,
    trained_tokens=76_000,
)


def changed(**changes: Any) -> Preset:
    """A preset with 'section__key' set."""
    values = PRESET.model_dump()
    for key, value in changes.items():
        section, name = key.split("__")
        assert name in values[section], key
        values[section][name] = value
    return Preset.model_validate(values)


def facts(rows: int | None = 1000, data: DataReport | None = DATA, **changes: Any) -> LintFacts:
    preset = changed(**changes)
    plan = batch.plan_of(preset, rows) if rows else None
    return LintFacts(preset=preset, plan=plan, data=data)


def line(label: str, of: LintFacts, before: Preset | None = None) -> Advice:
    (found,) = (one for one in advise(of, before) if one.label == label)
    return found


# Batch


@pytest.mark.parametrize(
    ("per_device", "accumulation", "value", "tone"),
    [
        (4, 4, "4 × 4 × 1 GPU = 16", Tone.GOOD),
        (8, 4, "8 × 4 × 1 GPU = 32", Tone.GOOD),
        (3, 11, "3 × 11 × 1 GPU = 33", Tone.NOTE),
        # Small batches are fine.
        (1, 1, "1 × 1 × 1 GPU = 1", Tone.GOOD),
    ],
)
def test_the_batch_is_spelled_out(per_device: int, accumulation: int, value: str, tone: Tone) -> None:
    said = batch_line(
        changed(
            train__per_device_train_batch_size=per_device, train__gradient_accumulation_steps=accumulation
        )
    )
    assert (said.value, said.note, said.tone) == (value, "LoRA likes 8–32", tone)


def test_full_fine_tuning_has_no_usual_batch() -> None:
    said = batch_line(
        changed(lora__use_peft=False, quantization__load_in_4bit=False, train__gradient_accumulation_steps=64)
    )
    assert (said.note, said.tone) == ("", Tone.GOOD)


# Steps and warm-up


def test_steps_are_counted_as_the_trainer_counts() -> None:
    steps = line("Steps", facts(train__num_train_epochs=2.0))
    assert steps.value == "126 in all · 63 an epoch · 2 epochs"
    assert (steps.note, steps.tone) == ("", Tone.GOOD)


def test_few_steps_are_noted() -> None:
    assert line("Steps", facts(rows=784)).tone is Tone.NOTE
    assert line("Steps", facts(rows=784)).note == "too few updates"
    assert line("Steps", facts(rows=800)).tone is Tone.GOOD


def test_steps_are_about_while_rows_are_counted() -> None:
    assert line("Steps", facts(data=replace(DATA, complete=False))).value.startswith("≈ 63 in all")
    assert line("Steps", facts(data=None)).value.startswith("≈ 63 in all")
    assert line("Steps", facts()).value.startswith("63 in all")


def test_thousands_of_steps_are_grouped() -> None:
    assert line("Steps", facts(rows=100_000)).value.startswith("6,250 in all · 6,250 an epoch")


def test_without_rows_there_is_no_count() -> None:
    assert [one.value for one in steps_lines(facts(rows=None))] == ["not known before the rows are counted"]


def test_max_steps_is_named_when_it_decides() -> None:
    assert line("Steps", facts(train__max_steps=70)).value.endswith("· max_steps 70")


def test_max_steps_of_nothing_does_not_decide() -> None:
    """The trainer takes 0 as it takes -1: epochs count."""
    said = line("Steps", facts(train__max_steps=0, train__num_train_epochs=2.0))
    assert said.value == "126 in all · 63 an epoch · 2 epochs"


@pytest.mark.parametrize(
    ("rows", "warmup", "value", "tone"),
    [
        (1000, 0.03, "2 steps (3.2 %)", Tone.GOOD),
        (1000, 0.10, "7 steps (11.1 %)", Tone.NOTE),
        (1000, 0.0, "0 steps (0.0 %)", Tone.NOTE),
        (1000, 10.0, "10 steps (15.9 %)", Tone.GOOD),
        (1000, 20.0, "20 steps (31.7 %)", Tone.NOTE),
        (32_000, 20.0, "20 steps (1.0 %)", Tone.GOOD),
        (32_000, 100.0, "100 steps (5.0 %)", Tone.GOOD),
        (32_000, 0.10, "200 steps (10.0 %)", Tone.GOOD),
        (32_000, 0.12, "240 steps (12.0 %)", Tone.NOTE),
        (32_000, 9.0, "9 steps (0.5 %)", Tone.NOTE),
    ],
)
def test_warm_up_is_good_by_share_or_by_steps(rows: int, warmup: float, value: str, tone: Tone) -> None:
    said = line("Warm-up", facts(rows=rows, train__warmup_steps=warmup))
    assert (said.value, said.tone) == (value, tone)
    assert said.note == "usual 3–10 % or 10–100 steps"


@given(
    st.integers(1, 10**6), st.floats(0.1, 50), st.integers(1, 64), st.integers(-1, 300), st.floats(0, 0.99)
)
def test_any_plan_can_be_said(
    rows: int, epochs: float, accumulation: int, max_steps: int, warmup: float
) -> None:
    of = facts(
        rows=rows,
        train__num_train_epochs=epochs,
        train__gradient_accumulation_steps=accumulation,
        train__max_steps=max_steps,
        train__warmup_steps=warmup,
    )
    lines = advise(of, PRESET)
    assert of.plan is not None
    assert f"{of.plan.total_steps:,} in all" in line("Steps", of).value
    assert len({one.label for one in lines}) == len(lines)
    assert all(one.value for one in lines)


# Tokens


def test_padding_is_told_from_real_tokens() -> None:
    said = line("Tokens a step", facts())
    padded = 16 * DATA.expected_longest(4, 2048)
    assert said.value == f"≈ {thousands(padded)} · {100 * 16 * 190 / padded:.0f} % real · 40 % learned"
    assert (said.note, said.tone) == ("half is padding: pack, or group by length", Tone.NOTE)


def test_rows_of_one_length_are_not_padded() -> None:
    said = line("Tokens a step", facts(data=replace(DATA, lengths={512: 1000})))
    assert said.value == "≈ 8.2 k · 100 % real · 40 % learned"
    assert (said.note, said.tone) == ("", Tone.GOOD)


def test_packed_rows_have_a_fill() -> None:
    """Two rows of 512 and one of 900 tokens in each three rows of 1,024."""
    data = replace(DATA, lengths={512: 20, 900: 10})
    said = line("Tokens a step", facts(data=data, train__packing=True, train__max_length=1024))
    fill = (20 * 512 + 10 * 900) / (20 * 1024)
    assert (
        said.value == f"≈ {thousands(16 * 1024 * fill)} · packed rows {100 * fill:.0f} % full · 40 % learned"
    )


@pytest.mark.parametrize("data", [None, DataReport(), replace(DATA, problem="no such file")])
def test_without_rows_there_are_no_tokens(data: DataReport | None) -> None:
    assert list(tokens_lines(facts(data=data))) == []


def test_cut_rows_have_a_line() -> None:
    assert line("Cut", facts(train__max_length=400)) == Advice(
        "Cut", "100 rows at 400 tokens, 60,000 tokens lost", tone=Tone.NOTE
    )
    assert "Cut" not in {one.label for one in advise(facts())}


def test_packing_cuts_too_but_bfd_split_does_not() -> None:
    packed: dict[str, Any] = {"train__packing": True, "train__max_length": 400}
    assert line("Cut", facts(**packed)).value.startswith("100 rows")
    split = advise(facts(**packed, train__packing_strategy="bfd_split"))
    assert "Cut" not in {one.label for one in split}


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0"),
        (950.4, "950"),
        (999.4, "999"),
        (1000, "1.0 k"),
        (12_345, "12.3 k"),
        (1_200_000, "1.2 M"),
        (999.9, "1.0 k"),
        (999_999, "1.0 M"),
    ],
)
def test_thousands_have_a_letter(number: float, words: str) -> None:
    assert thousands(number) == words


# Rate


@pytest.mark.parametrize(
    ("changes", "note", "tone"),
    [
        ({"train__learning_rate": 2e-4}, "inside the QLoRA range 0.0001…0.0003", Tone.GOOD),
        ({"train__learning_rate": 1e-4}, "inside the QLoRA range 0.0001…0.0003", Tone.GOOD),
        ({"train__learning_rate": 1e-3}, "above the QLoRA range 0.0001…0.0003", Tone.NOTE),
        ({"train__learning_rate": 2e-5}, "below the QLoRA range 0.0001…0.0003", Tone.NOTE),
        ({"quantization__load_in_4bit": False}, "inside the LoRA range 0.0001…0.0003", Tone.GOOD),
        (
            {"quantization__load_in_4bit": False, "quantization__load_in_8bit": True},
            "inside the LoRA 8-bit range 0.0001…0.0003",
            Tone.GOOD,
        ),
        (
            {"quantization__load_in_4bit": False, "lora__use_peft": False},
            "above the full fine-tuning range 1e-05…5e-05",
            Tone.NOTE,
        ),
    ],
    ids=str,
)
def test_the_rate_is_held_against_the_usual(changes: dict[str, Any], note: str, tone: Tone) -> None:
    said = rate_line(facts(**changes))
    assert (said.note, said.tone) == (note, tone)


def test_tiny_models_have_no_usual_rate() -> None:
    said = rate_line(replace(facts(train__learning_rate=2e-3), architecture=TINY))
    assert (said.value, said.note, said.tone) == (
        "0.002",
        "the usual ranges are for larger models",
        Tone.PLAIN,
    )


# The square-root rule


@pytest.mark.parametrize(
    ("accumulation", "value"),
    [
        (8, "effective batch 16 → 32: learning rate ≈ 0.00028"),
        (2, "effective batch 16 → 8: learning rate ≈ 0.00014"),
        # At most twice, at least half.
        (16, "effective batch 16 → 64: learning rate ≈ 0.0004"),
        (64, "effective batch 16 → 256: learning rate ≈ 0.0004"),
        (1, "effective batch 16 → 4: learning rate ≈ 0.0001"),
    ],
)
def test_the_rate_goes_with_the_root_of_the_batch(accumulation: int, value: str) -> None:
    said = square_root_line(changed(train__gradient_accumulation_steps=accumulation), PRESET)
    assert said is not None
    assert (said.value, said.tone) == (value, Tone.NOTE)


def test_the_rule_is_silent_when_nothing_changed_or_the_rate_did() -> None:
    assert square_root_line(PRESET, PRESET) is None
    same = changed(train__per_device_train_batch_size=2, train__gradient_accumulation_steps=8)
    assert square_root_line(same, PRESET) is None
    both = changed(train__gradient_accumulation_steps=8, train__learning_rate=3e-4)
    assert square_root_line(both, PRESET) is None
    assert "√ rule" not in {one.label for one in advise(facts(train__gradient_accumulation_steps=8))}
    assert line("√ rule", facts(train__gradient_accumulation_steps=8), before=PRESET)


@given(st.integers(1, 4096), st.integers(1, 4096))
def test_the_rule_never_more_than_doubles_or_halves(now: int, was: int) -> None:
    said = square_root_line(
        changed(train__gradient_accumulation_steps=now), changed(train__gradient_accumulation_steps=was)
    )
    if said is None:
        assert now == was
        return
    rate = float(said.value.rpartition("≈ ")[2])
    assert 1e-4 <= rate <= 4e-4
    assert rate == pytest.approx(2e-4 * min(2, max(0.5, math.sqrt(now / was))), rel=0.05)


# Evaluation and forgetting


def test_evaluations_and_checkpoints_are_counted() -> None:
    said = line("Evaluation", facts(rows=10_000))
    assert said.value == "10 times on 120 rows, closer towards the end · saves each time"
    assert (said.note, said.tone) == ("", Tone.GOOD)


def test_evaluations_say_what_they_cost() -> None:
    within = line("Its cost", facts(rows=10_000, eval__budget=0.5))
    assert within.value.startswith("≈ ")
    assert within.value.endswith(" % of the run · answers each time")
    assert (within.note, within.tone) == ("eval.budget 50 %", Tone.GOOD)
    least = line("Its cost", facts(rows=160))
    assert (least.note, least.tone) == ("over eval.budget, 8 %: fewer would give no verdict", Tone.NOTE)
    assert least.value.endswith(" · answers 2 times")
    own = line("Its cost", facts(rows=160, eval__eval_steps=1))
    assert (own.note, own.tone) == ("over eval.budget, 8 %: as the preset sets them", Tone.NOTE)
    silent = facts(rows=160, eval__answer_rows=0, eval__sample_max_new_tokens=0)
    assert line("Its cost", silent).value.endswith(" % of the run")


def test_checkpoints_without_an_evaluation_are_noted() -> None:
    said = line("Evaluation", facts(rows=10_000, eval__eval_steps=60, output__save_steps=100))
    assert said.value.endswith("saves every 100")
    assert (said.note, said.tone) == ("checkpoints without a loss of their own", Tone.NOTE)


def test_few_evaluations_are_noted() -> None:
    said = line("Evaluation", facts(rows=10_000, eval__eval_steps=200))
    assert (said.value.split(" on ")[0], said.tone) == ("every 200 steps, 4 times", Tone.NOTE)


def test_five_evaluations_are_enough() -> None:
    said = line("Evaluation", facts(rows=10_000, eval__eval_steps=125))
    assert (said.value.split(" on ")[0], said.tone) == ("every 125 steps, 5 times", Tone.GOOD)


def test_an_automatic_evaluation_divides_a_fixed_save() -> None:
    said = line("Evaluation", facts(rows=10_000, output__save_steps=100))
    assert said.value.startswith("every 50 steps, 13 times")
    assert said.tone is Tone.GOOD


def test_no_evaluation_is_said_aloud() -> None:
    said = line("Evaluation", facts(data__eval_fraction=0.0))
    assert (said.value, said.note, said.tone) == ("off", "overfitting cannot be seen", Tone.NOTE)


def test_evaluation_is_left_out_while_steps_are_not_known() -> None:
    assert list(evaluation_lines(facts(rows=None))) == []
    assert line("Evaluation", facts(data=None)).value == "6 times, closer towards the end · saves each time"


def test_forgetting_is_seen_and_held_against() -> None:
    nothing = forgetting_line(PRESET)
    assert (nothing.value, nothing.tone) == ("no general data, no general evaluation", Tone.NOTE)
    evaluated = forgetting_line(changed(data__general_eval_dataset="./general.jsonl"))
    assert (evaluated.value, evaluated.tone) == ("general rows evaluated, none mixed in", Tone.GOOD)
    mix = [{"dataset": f"./{name}.jsonl", "ratio": ratio} for name, ratio in (("a", 0.1), ("b", 0.05))]
    mixed = forgetting_line(changed(data__mix=mix))
    assert (mixed.value, mixed.tone) == ("15 % general data mixed in, evaluated apart", Tone.GOOD)


def test_lines_come_in_order() -> None:
    labels = [one.label for one in advise(facts(train__gradient_accumulation_steps=8), PRESET)]
    assert labels == [
        "Effective batch",
        "Steps",
        "Warm-up",
        "Tokens a step",
        "Learning rate",
        "√ rule",
        "Evaluation",
        "Its cost",
        "Forgetting",
    ]


# Rows


@pytest.mark.parametrize(
    ("changes", "data", "lines", "rows"),
    [
        ({}, DATA, None, 1000),
        ({}, DATA, 77, 1000),
        ({}, None, None, None),
        ({}, replace(DATA, problem="no such file"), 200, 168),
        ({}, replace(DATA, train_rows=0), None, None),
        # A twentieth, but at least 32, is held out.
        ({}, None, 5000, 4750),
        ({}, None, 200, 168),
        ({"data__eval_dataset": "./held-out.jsonl"}, None, 200, 200),
        ({"data__eval_split": "test"}, None, 200, 200),
        ({"data__eval_fraction": 0.0}, None, 200, 200),
        ({"data__max_train_samples": 100}, None, 200, 80),
        ({"data__max_train_samples": 500}, None, 200, 168),
        ({}, None, 1, 1),
        # Packing needs lengths.
        ({"train__packing": True}, None, 200, None),
        ({"train__packing": True, "train__max_length": 1000}, DATA, None, 190),
        ({"train__packing": True, "train__max_length": 400}, DATA, None, 100 + 225),
        (
            {"train__packing": True, "train__max_length": 400, "train__packing_strategy": "bfd_split"},
            DATA,
            None,
            475,
        ),
    ],
    ids=str,
)
def test_rows_are_those_of_the_report_or_guessed_from_the_file(
    changes: dict[str, Any], data: DataReport | None, lines: int | None, rows: int | None
) -> None:
    assert rows_to_train(changed(**changes), data, lines) == rows
