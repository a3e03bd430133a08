"""The next preset: every change a finding asks for gives a preset that can be launched, and says why."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.check.next_preset import free_name, next_preset, resolved
from runner.insight.curves import Curves, MemoryPoint
from runner.insight.diagnosis import Change, Finding, diagnose
from runner.insight.diagnosis.finding import (
    HALF_RATE,
    HIGHER_RATE,
    LONGER_WARMUP,
    LOWER_RATE,
    MORE_DROPOUT,
    TWICE_THE_BATCH,
    FindingKind,
)
from runner.preset import files
from runner.preset.draft import Draft
from runner.preset.schema import Preset
from runner.store.directory import RunDirectory
from tests.insight.curve_maker import evals, falling, make, overfit, train_curve
from tests.run.scenes import made_run

SHIPPED = sorted(path.stem for path in files.shipped_folder().glob("*.yaml"))


def run_of(home: Path, preset: str, *overrides: str) -> RunDirectory:
    """A run directory with a shipped preset frozen into it."""
    run = made_run(home)
    files.dump(files.load(preset, home, overrides).preset, run.preset)
    return run


def saved(draft: Draft, home: Path) -> Preset:
    """The preset as it is after its file was written and read again."""
    assert draft.problems() == {}
    return files.load(str(draft.save()), home).preset


def rising(n: int) -> list[float]:
    return [2.0 * 1.05**i for i in range(n)]


def memory_is_short() -> Curves:
    return Curves(train=train_curve(falling(50)), memory=(MemoryPoint(50, None, 100.0, 24_000.0),))


FOUND: dict[str, Callable[[], Curves]] = {
    "non-finite": lambda: Curves(train=train_curve([2.0, 1.9, math.nan])),
    "steps-skipped": lambda: Curves(train=train_curve([2.0] * 60, [1.0] * 50 + [math.inf] * 10)),
    "divergence": lambda: make([2.0, 1.5, 3.0, 4.0], train=[2 - i / 100 for i in range(100)] + [6.0] * 100),
    "rate-too-high": lambda: make([2.0, 2.5, 2.6, 2.6, 2.7]),
    "not-learning": lambda: make([2.0] * 8, train=[2.0] * 80),
    "overfitting": lambda: make(overfit(12, best=4, rise=0.2), falling(12, end=0.5)),
    "worsening": lambda: make([*falling(6), *rising(8)], [*falling(6), *rising(8)]),
    "forgetting": lambda: Curves(
        train=train_curve(falling(60)), evals={"general": evals([2.0, 2.1, 2.2, 2.5, 2.9])}
    ),
    "memory-short": memory_is_short,
}


@pytest.mark.parametrize("name", FOUND)
def test_the_curves_are_found_to_be_what_they_are_made_for(name: str) -> None:
    assert name in {finding.id for finding in diagnose(FOUND[name]()).findings}


def every_change() -> list[tuple[Change, ...]]:
    """The changes some action of a finding or verdict asks for, and those of each finding together."""
    train = train_curve(falling(60))
    verdicts = [
        *(diagnose(made()) for made in FOUND.values()),
        diagnose(Curves(train=train, is_over=True)),
        diagnose(Curves(train=train, is_over=True, evals={"val": evals([2.0, 1.9])})),
    ]
    lists = [action.changes for verdict in verdicts for action in verdict.actions]
    for finding in (finding for verdict in verdicts for finding in verdict.findings):
        lists += [finding.changes, *(action.changes for action in finding.actions)]
    constants = (HALF_RATE, HIGHER_RATE, LONGER_WARMUP, LOWER_RATE, MORE_DROPOUT, TWICE_THE_BATCH)
    return list(dict.fromkeys(changes for changes in [*lists, *((one,) for one in constants)] if changes))


CHANGES = every_change()
ODD = (
    (),
    ("train.max_steps=500",),
    ("train.warmup_steps=0", "train.per_device_train_batch_size=1"),
    ("train.warmup_steps=0.6", "lora.lora_dropout=0.3"),
    ("train.warmup_steps=1237", "train.per_device_train_batch_size=3"),
    ("train.learning_rate=0.3", "train.gradient_accumulation_steps=2048"),
    ("eval.eval_steps=7", "data.eval_fraction=0"),
)


def test_there_are_changes_of_every_kind_of_setting() -> None:
    assert {change.key for changes in CHANGES for change in changes} == {
        "train.learning_rate",
        "train.warmup_steps",
        "train.num_train_epochs",
        "train.gradient_accumulation_steps",
        "train.per_device_train_batch_size",
        "lora.lora_dropout",
        "eval.eval_steps",
        "data.eval_fraction",
    }


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("preset", SHIPPED)
def test_every_change_of_every_preset_can_be_launched(home: Path, preset: str, odd: tuple[str, ...]) -> None:
    run = run_of(home, preset, *odd)
    before = files.load_frozen(run.preset)
    for number, changes in enumerate(CHANGES):
        why = f"overfitting since step {number}"
        draft = next_preset(run, home, f"next{number}", changes, why)
        found = saved(draft, home)
        assert found.description == f"from run {run.id}: {why}"
        expected = before.model_dump()
        for key, value in resolved(before, changes).items():
            section, _, name = key.partition(".")
            expected[section][name] = value
        assert found.model_dump() | {"description": ""} == expected | {"description": ""}


def preset_with(home: Path, *overrides: str) -> Preset:
    return files.load("demo", home, overrides).preset


@pytest.mark.parametrize(
    ("overrides", "changes", "values"),
    [
        ((), (LOWER_RATE,), {"train.learning_rate": 0.0002}),
        ((), (HALF_RATE, MORE_DROPOUT), {"train.learning_rate": 0.0003, "lora.lora_dropout": 0.1}),
        (("lora.lora_dropout=0.3",), (MORE_DROPOUT,), {}),
        ((), (LONGER_WARMUP,), {"train.warmup_steps": 10.0}),
        (("train.warmup_steps=0.05",), (LONGER_WARMUP,), {"train.warmup_steps": 0.1}),
        (("train.warmup_steps=0",), (LONGER_WARMUP,), {}),
        # A share doubled to 1 or more would count steps.
        (("train.warmup_steps=0.499",), (LONGER_WARMUP,), {"train.warmup_steps": 0.998}),
        (("train.warmup_steps=0.6",), (LONGER_WARMUP,), {}),
        (("train.warmup_steps=0.5",), (LONGER_WARMUP,), {}),
        (("train.warmup_steps=1237",), (LONGER_WARMUP,), {"train.warmup_steps": 2470.0}),
        ((), (TWICE_THE_BATCH,), {"train.gradient_accumulation_steps": 8}),
        ((), (Change("train.num_train_epochs", FindingKind.AT_MOST, 1.4),), {"train.num_train_epochs": 1.4}),
        ((), (Change("train.num_train_epochs", FindingKind.AT_MOST, 9.0),), {}),
        (
            ("train.max_steps=500",),
            (Change("train.num_train_epochs", FindingKind.AT_MOST, 9.0),),
            {"train.max_steps": -1, "train.num_train_epochs": 9.0},
        ),
        ((), (Change("eval.eval_steps", FindingKind.SET, 6),), {"eval.eval_steps": 6}),
        ((), (Change("eval.eval_steps", FindingKind.AT_MOST, 6),), {"eval.eval_steps": 6}),
        (("eval.eval_steps=auto",), (Change("eval.eval_steps", FindingKind.TIMES, 2),), {}),
        (
            ("eval.eval_steps=9",),
            (Change("eval.eval_steps", FindingKind.TIMES, 0.5),),
            {"eval.eval_steps": 4},
        ),
        ((), (Change("data.eval_fraction", FindingKind.AT_LEAST, 0.05),), {}),
        (
            ("data.eval_fraction=0",),
            (Change("data.eval_fraction", FindingKind.AT_LEAST, 0.05),),
            {"data.eval_fraction": 0.05},
        ),
        ((), (Change("train.packing", FindingKind.SET, True),), {"train.packing": True}),
    ],
)
def test_what_changes(
    home: Path, overrides: tuple[str, ...], changes: tuple[Change, ...], values: dict[str, Any]
) -> None:
    assert resolved(preset_with(home, *overrides), changes) == values


@pytest.mark.parametrize(("batch", "accumulation"), [(1, 4), (2, 1), (3, 2), (4, 4), (5, 1), (16, 1)])
def test_a_smaller_batch_keeps_the_effective_one_or_is_left(
    home: Path, batch: int, accumulation: int
) -> None:
    (finding,) = [f for f in diagnose(memory_is_short()).findings if f.id == "memory-short"]
    before = preset_with(
        home,
        f"train.per_device_train_batch_size={batch}",
        f"train.gradient_accumulation_steps={accumulation}",
    )
    values = resolved(before, finding.changes)
    size = values.get("train.per_device_train_batch_size", batch)
    steps = values.get("train.gradient_accumulation_steps", accumulation)
    assert abs(size * steps / (batch * accumulation) - 1) <= 1 / 3
    assert (size < batch) or values == {}


def test_rows_to_skip_are_added_to_those_skipped_before(home: Path) -> None:
    run = run_of(home, "demo", "data.skip_rows=[7, 3]")
    found = saved(next_preset(run, home, "next", (), "spike at step 4", (9, 3, 1)), home)
    assert found.data.skip_rows == [1, 3, 7, 9]
    assert found.description == f"from run {run.id}: spike at step 4"
    plain = saved(next_preset(run, home, "other"), home)
    assert plain.data.skip_rows == [7, 3]
    assert plain.description == files.load_frozen(run.preset).description


def test_rows_to_skip_are_those_of_the_first_of_several_sources(home: Path) -> None:
    several = "data.train_dataset=[{dataset: ./a.jsonl, skip_rows: [2]}, {dataset: ./b.jsonl, weight: 2}]"
    run = run_of(home, "demo", several)
    found = saved(next_preset(run, home, "next", skip=(7,)), home).data
    assert not isinstance(found.train_dataset, str)
    assert [one.skip_rows for one in found.train_dataset] == [[2, 7], []]
    assert [one.weight for one in found.train_dataset] == [1.0, 2.0]
    assert found.skip_rows == []


@pytest.mark.parametrize(
    "reason", ["a: b # c", 'it\'s "so"', "x\ny: z", "\x1b[31mred", "{}", "\u2028x: 1", "ünï | ☃"]
)
def test_any_reason_can_be_recorded(home: Path, reason: str) -> None:
    run = run_of(home, "demo")
    assert saved(next_preset(run, home, "next", (HALF_RATE,), reason), home).description.endswith(reason)


def test_paths_stay_absolute(home: Path) -> None:
    run = run_of(home, "demo")
    found = saved(next_preset(run, home, "next"), home)
    assert found.data.train_dataset == files.load_frozen(run.preset).data.train_dataset
    assert Path(str(found.data.train_dataset)).is_absolute()


def test_names_are_free_and_never_doubled(home: Path) -> None:
    assert free_name(home, "demo") == "my-demo"
    files.dump(preset_with(home), files.own_folder(home) / "my-demo.yaml")
    assert free_name(home, "demo") == free_name(home, "my-demo") == "my-demo-2"


def test_a_reason_names_what_and_since_when() -> None:
    finding: Finding = diagnose(FOUND["overfitting"]()).findings[0]
    assert finding.reason == "overfitting since step 40"


@given(
    st.floats(1e-7, 0.33),
    st.floats(0, 0.99) | st.integers(0, 5000).map(float),
    st.integers(1, 4096),
    st.integers(1, 2048),
    st.floats(0.01, 1000),
    st.sampled_from(CHANGES),
)
def test_any_settings_stay_valid(
    rate: float, warmup: float, batch: int, accumulation: int, epochs: float, changes: tuple[Change, ...]
) -> None:
    values = files.load("demo", Path("/nowhere")).preset.model_dump()
    values["train"] |= {
        "learning_rate": rate,
        "warmup_steps": warmup,
        "per_device_train_batch_size": batch,
        "gradient_accumulation_steps": accumulation,
        "num_train_epochs": epochs,
    }
    for key, value in resolved(Preset.model_validate(values), changes).items():
        section, _, name = key.partition(".")
        values[section][name] = value
    Preset.model_validate(values)
