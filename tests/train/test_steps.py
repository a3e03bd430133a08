"""Steps, warm-up and packed rows as the real trainer counts, and takes, them."""

from __future__ import annotations

import gc
import itertools
import json
import math
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback

from runner.insight import batch
from runner.insight.advice import rows_to_train
from runner.insight.data import DataReport
from runner.insight.eval_budget import Counted, plan_evaluations
from runner.insight.packing import packed_rows
from runner.preset import files
from runner.preset.schema import Preset
from runner.store.directory import RunDirectory
from runner.train import arguments, packing
from tests.train.conftest import prepared
from tests.train.small_runs import built

# rows × (per-device batch, accumulation) × (epochs, max_steps) × warm-up
GRID = list(
    itertools.product(
        (1, 2, 7, 32, 33, 65),
        ((1, 1), (1, 3), (2, 4), (4, 3), (8, 8), (5, 2)),
        ((1.0, -1), (2.5, -1), (0.3, -1), (3.0, 1), (1.0, 5), (1.0, 40)),
        (0.0, 0.03, 0.1, 1.0, 3.0),
    )
)


class Constant(torch.nn.Module):  # type: ignore[misc]
    """One number to learn."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": ((self.weight - x.float()) ** 2).mean()}


class Rates(TrainerCallback):  # type: ignore[misc]
    """The learning rate each optimizer step was taken with."""

    def __init__(self) -> None:
        self.rates: list[float] = []

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self.rates.append(rest["optimizer"].param_groups[0]["lr"])


def with_train(preset: Preset, **values: Any) -> Preset:
    """The preset with other training settings, validated anew."""
    changed = {**preset.train.model_dump(), **values}
    return preset.model_copy(update={"train": type(preset.train).model_validate(changed)})


def combination(preset: Preset, case: tuple[Any, ...]) -> Preset:
    _, (per_device, accumulation), (epochs, max_steps), warmup = case
    return with_train(
        preset,
        per_device_train_batch_size=per_device,
        gradient_accumulation_steps=accumulation,
        num_train_epochs=epochs,
        max_steps=max_steps,
        warmup_steps=warmup,
    )


def test_the_grid_is_large() -> None:
    assert len(GRID) >= 1000


def test_the_trainers_own_arithmetic_is_ours(home: Path) -> None:
    """set_initial_training_values and get_warmup_steps of one real Trainer, over the whole grid."""
    run, preset = prepared(home)
    first = arguments.build(
        preset, run, plan_evaluations(preset, batch.plan_of(preset, 1), Counted(1)), evals=()
    )
    trainer = Trainer(model=Constant(), args=first, train_dataset=[{"x": 0}])
    for case in GRID:
        changed = combination(preset, case)
        rows, per_device = case[0], changed.train.per_device_train_batch_size
        plan = batch.plan_of(changed, rows)
        # Straight through the trainer's arguments: building them anew 1,000 times takes a minute.
        for name in (
            "per_device_train_batch_size",
            "gradient_accumulation_steps",
            "num_train_epochs",
            "max_steps",
            "warmup_steps",
        ):
            setattr(first, name, getattr(changed.train, name))
        trainer._train_batch_size = per_device
        loader = DataLoader(range(rows), batch_size=per_device)
        counted = trainer.set_initial_training_values(first, loader)
        assert (plan.steps_per_epoch, plan.total_steps) == (counted[1], counted[-1]), case
        assert plan.effective_batch == counted[4], case
        assert plan.warmup_steps == first.get_warmup_steps(counted[-1]), case


# Some of those that are over soon, with each value of each axis among them.
TAKEN = [case for case in GRID if case[0] <= 33 and not (case[1] == (1, 1) and case[2][1] < 0)][::9]


@pytest.fixture
def quick_collection() -> Iterator[None]:
    """The trainer collects garbage at its start; looking through all of torch takes longer than the steps."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("quick_collection")
def test_the_trainer_takes_as_many_steps_as_we_say(home: Path) -> None:
    """Real training of one number: optimizer steps made, batches in the last one, and the length of the warm-up."""
    assert len(TAKEN) >= 60
    for axis in range(4):
        assert {case[axis] for case in TAKEN} == {case[axis] for case in GRID if case[0] <= 33}
    run, preset = prepared(home)
    for case in TAKEN:
        changed = with_train(combination(preset, case), lr_scheduler_type="constant_with_warmup")
        plan = batch.plan_of(changed, case[0])
        trainer, seen = trained(changed, run, plan, case[0])
        assert trainer.state.max_steps == plan.total_steps, case
        assert trainer.state.global_step == len(seen.rates) == plan.total_steps, case
        # While warming up the rate rises, from 0 in the first step; after it, it is the preset's.
        rising = sum(rate < changed.train.learning_rate * (1 - 1e-9) for rate in seen.rates)
        assert rising == min(plan.warmup_steps, plan.total_steps), case


def trained(preset: Preset, run: RunDirectory, plan: batch.BatchPlan, rows: int) -> tuple[Any, Rates]:
    args = arguments.build(preset, run, plan_evaluations(preset, plan, Counted(rows)), evals=())
    args.save_strategy = "no"
    seen = Rates()
    trainer = Trainer(
        model=Constant(),
        args=args,
        train_dataset=[{"x": i} for i in range(rows)],
        callbacks=[seen],
    )
    trainer.train()
    return trainer, seen


@pytest.mark.parametrize(
    ("rows", "per_device", "accumulation"), [(0, 1, 1), (5, 0, 1), (5, 1, 0), (-1, 1, 1)]
)
def test_nothing_is_no_batch(rows: int, per_device: int, accumulation: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        batch.plan(rows, per_device, accumulation, 1.0)


# Packed rows


@given(
    st.lists(st.integers(1, 90), min_size=1, max_size=60),
    st.sampled_from((8, 16, 40, 64)),
    st.sampled_from(("bfd", "bfd_split")),
)
@settings(max_examples=40)
def test_short_rows_are_packed_into_as_many_as_trl_packs_them_into(
    lengths: list[int], max_length: int, strategy: str
) -> None:
    split = strategy == "bfd_split"
    kept = lengths if split else [min(length, max_length) for length in lengths]
    ids = [[1] * length for length in kept]
    rows = Dataset.from_dict({"input_ids": ids, "labels": ids})
    preset = with_train(
        files.load("demo", Path("/nowhere")).preset,
        max_length=max_length,
        packing=True,
        packing_strategy=strategy,
    )
    assert packed_rows(Counter(lengths), max_length, split) == len(packing.pack(rows, preset))


def texts(path: Path, count: int, seed: int) -> Path:
    chance = random.Random(seed)
    rows = [{"text": f"{i} " + "lamp " * min(120, int(chance.expovariate(1 / 25)))} for i in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.usefixtures("quick_collection")
@pytest.mark.parametrize("strategy", ["bfd", "bfd_split"])
@pytest.mark.parametrize("max_length", [24, 64, 256])
@pytest.mark.parametrize("count", [1, 3, 150])
def test_a_report_says_into_how_many_rows_the_trainer_packs(
    tmp_path: Path, home: Path, strategy: str, max_length: int, count: int
) -> None:
    from tests.train.test_xray import examined

    path = texts(tmp_path / "rows.jsonl", count, seed=max_length)
    run, preset = prepared(
        home,
        f"data.train_dataset={path}",
        "data.eval_dataset=null",
        "train.packing=true",
        f"train.packing_strategy={strategy}",
        f"train.max_length={max_length}",
        "train.gradient_accumulation_steps=2",
    )
    report = examined(preset, tmp_path / "xray")
    packed = packing.pack(built(preset).train, preset)
    assert report.packed(max_length, strategy == "bfd_split") == len(packed)
    assert rows_to_train(preset, report) == len(packed)
    tokens = sum(len(ids) for ids in packed["input_ids"])
    fill = report.packing_fill(max_length, strategy == "bfd_split")
    assert fill == pytest.approx(tokens / (len(packed) * max_length))

    plan = batch.plan_of(preset, len(packed))
    trainer, _ = trained(with_train(preset, packing=False), run, plan, len(packed))
    assert trainer.state.global_step == plan.total_steps


def test_of_a_part_the_whole_is_estimated() -> None:
    """Half of the rows seen: twice as many packed ones expected."""
    report = DataReport(lengths={10: 40}, train_rows=80)
    assert report.packed(20, split=False) == 40
    assert DataReport(lengths={10: 40}, train_rows=80, complete=True).packed(20, split=False) == 20
    assert math.isclose(report.packing_fill(25, split=False), 0.8)
