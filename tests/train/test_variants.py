"""Every method and number format trains for real, a few steps each; and the trainer counts steps as we do."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from runner.insight import batch
from runner.insight.diagnosis import VerdictKind, diagnose
from runner.insight.eval_budget import Counted, plan_evaluations
from runner.preset import files
from runner.store import requests
from runner.store.directory import RunDirectory
from runner.store.history import read_history
from runner.store.requests import Request
from runner.train import arguments
from tests.train.conftest import Trained, prepared

FEW = ("train.max_steps=3", "eval.eval_steps=2", "data.max_train_samples=60", "eval.max_eval_samples=8")
# Answers and samples of a few words: enough to see that a model of this kind can give them.
FEW_WORDS = ("eval.answer_rows=2", "eval.sample_max_new_tokens=4")


@pytest.mark.parametrize(
    ("overrides", "method", "saved"),
    [
        (("quantization.load_in_4bit=false",), "LoRA", "adapter"),
        (("quantization.load_in_4bit=false", "quantization.load_in_8bit=true"), "LoRA 8-bit", "adapter"),
        (("quantization.load_in_4bit=false", "lora.use_peft=false"), "full fine-tuning", "model"),
        (("model.dtype=bfloat16",), "QLoRA", "adapter"),
        (("train.packing=true",), "QLoRA", "adapter"),
        (("train.gradient_checkpointing=true", "train.per_device_train_batch_size=1"), "QLoRA", "adapter"),
        (("lora.use_dora=true", "lora.use_rslora=true", "lora.lora_dropout=0.1"), "QLoRA", "adapter"),
        (
            ("quantization.bnb_4bit_quant_type=fp4", "quantization.bnb_4bit_use_double_quant=false"),
            "QLoRA",
            "adapter",
        ),
        (("train.train_sampling_strategy=group_by_length", "train.optim=adamw_torch"), "QLoRA", "adapter"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_it_trains(trained: Trained, overrides: tuple[str, ...], method: str, saved: str) -> None:
    run = trained(*FEW, *FEW_WORDS, *overrides)
    history = read_history(run)
    assert history.end["status"] == "finished"
    assert history.plan["method"] == method
    assert list(history.train.step) == [1, 2, 3]
    assert all(math.isfinite(loss) and loss > 0 for loss in history.train.loss)
    assert all(norm > 0 for norm in history.train.grad_norm)
    assert [point.step for point in history.evals["val"]] == [0, 2, 3]
    assert history.end["saved"] == saved
    assert any((run.path / saved).glob("*.safetensors"))
    # The memory of every stage is recorded: after loading, after the first step, at evaluation.
    stages = {json.loads(line)["at"] for line in run.events.read_text().splitlines() if '"memory"' in line}
    assert {"loaded", "first step", "evaluation"} <= stages


def test_packing_evaluates_the_same_rows_as_without(trained: Trained) -> None:
    """The loss of unpacked held-out rows does not depend on how training rows are joined, before any step."""
    plain, packed = (read_history(trained(*FEW, *FEW_WORDS, f"train.packing={p}")) for p in ("false", "true"))
    assert packed.evals["val"][0].loss == pytest.approx(plain.evals["val"][0].loss, rel=1e-3)
    assert packed.evals["val"][0].n == plain.evals["val"][0].n
    assert packed.plan["steps_per_epoch"] < plain.plan["steps_per_epoch"]


def test_the_evaluation_does_not_depend_on_its_batch_size(trained: Trained) -> None:
    one, eight = (
        read_history(trained(*FEW, "eval.answer_rows=0", f"eval.per_device_eval_batch_size={n}"))
        for n in (1, 8)
    )
    assert one.evals["val"][0].loss == pytest.approx(eight.evals["val"][0].loss, rel=1e-5)


def test_the_best_is_kept_between_the_save_points(trained: Trained) -> None:
    run = trained(
        "train.max_steps=6", "eval.eval_steps=2", "output.save_steps=5", "data.max_train_samples=60"
    )
    history = read_history(run)
    best = history.end["best_step"]
    assert best in history.checkpoints
    assert (run.checkpoints / f"checkpoint-{best}" / "adapter_model.safetensors").exists()


def test_a_run_without_evaluation_trains_and_says_so(trained: Trained) -> None:
    run = trained("train.max_steps=3", "data.eval_dataset=null", "data.eval_fraction=0")
    assert diagnose(read_history(run).curves()).kind is VerdictKind.NO_EVALUATION


def test_a_run_that_blows_up_is_seen_as_such(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss of the NaN step itself is recorded, not filtered.

    How fast a rate that is too high ends in NaN depends on the CPU; weights of 1e18 overflow in the first step on all.
    """
    model = tmp_path / "model"
    shutil.copytree(files.shipped_folder() / "demo" / "model", model)
    weights = load_file(model / "model.safetensors")
    weights["model.embed_tokens.weight"] *= 1e18
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    # It would end as failed, without saving them: tests/faults/test_spoiled.py.
    monkeypatch.setattr("runner.train.soundness.ensure_finite", lambda model: None)
    run = trained(
        *FEW[2:],
        f"model.model_name_or_path={model}",
        "train.max_steps=4",
        "quantization.load_in_4bit=false",
        "lora.use_peft=false",
        "train.learning_rate=1.0",
        "train.max_grad_norm=0",
        "train.optim=sgd",
        "train.warmup_steps=0",
        "train.lr_scheduler_type=constant",
    )
    history = read_history(run)
    assert any(not math.isfinite(loss) for loss in history.train.loss)
    assert diagnose(history.curves()).kind is VerdictKind.NON_FINITE


def test_requests_are_obeyed_at_the_next_step(home: Path) -> None:
    from runner.store.events import EventLog
    from runner.train.__main__ import train
    from runner.train.stop_flag import StopFlag

    run, preset = prepared(home, "eval.eval_steps=50", "output.save_steps=50")
    log = EventLog(run)
    stop = StopFlag(run, log)
    asked = iter([Request.EVALUATE, Request.SAVE, Request.STOP])
    append = log.append

    def ask_at_each_step(kind: str, **fields: object) -> None:
        append(kind, **fields)
        if kind == "step" and (request := next(asked, None)) is not None:
            requests.ask(run, request)

    log.append = ask_at_each_step  # type: ignore[method-assign, assignment]
    train(preset, run, log, stop)
    history = read_history(run)
    assert history.end["status"] == "stopped"
    assert len(history.train) == 4
    assert [point.step for point in history.evals["val"]][:2] == [0, 2]
    assert 3 in history.checkpoints
    assert 4 in history.checkpoints
    names = {path.name for path in (run.checkpoints / "checkpoint-4").iterdir()}
    assert {"optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"} <= names
    assert (run.adapter / "adapter_model.safetensors").exists()


GRID = [
    (rows, per_device, accumulation, epochs, warmup)
    for rows in (7, 32, 33)
    for per_device, accumulation in ((1, 1), (2, 4), (4, 3), (8, 8))
    for epochs, warmup in ((1, 0.1), (2.5, 3))
]


def test_the_trainer_counts_steps_as_we_do(tmp_path: Path, home: Path) -> None:
    """The real Trainer's own arithmetic, over a grid of data sizes, batches, accumulations and epochs."""
    from torch.utils.data import DataLoader
    from transformers import Trainer

    network = torch.nn.Linear(1, 1)
    for rows, per_device, accumulation, epochs, warmup in GRID:
        run, preset = prepared(
            home,
            f"train.per_device_train_batch_size={per_device}",
            f"train.gradient_accumulation_steps={accumulation}",
            f"train.num_train_epochs={epochs}",
            f"train.warmup_steps={warmup}",
        )
        plan = batch.plan(rows, per_device, accumulation, epochs, warmup)
        args = arguments.build(preset, run, plan_evaluations(preset, plan, Counted(rows)), evals=())
        trainer = Trainer(model=network, args=args, train_dataset=[{"x": i} for i in range(rows)])
        loader = DataLoader(range(rows), batch_size=per_device)
        total = trainer.set_initial_training_values(args, loader)[-1]
        assert plan.total_steps == total, (rows, per_device, accumulation, epochs)
        assert plan.warmup_steps == args.get_warmup_steps(total), (rows, warmup)


@pytest.mark.parametrize(
    ("save", "eval_", "total", "expected"),
    [
        ("auto", "auto", 75, (None, None)),
        ("100", "auto", 936, (100, 100)),
        ("100", "auto", 300, (25, 100)),
        ("auto", "50", 1000, (50, 50)),
        ("30", "20", 1000, (20, 30)),
    ],
)
def test_automatic_intervals_fit_each_other(
    home: Path, save: str, eval_: str, total: int, expected: tuple[int | None, int | None]
) -> None:
    _, preset = prepared(home, f"output.save_steps={save}", f"eval.eval_steps={eval_}")
    plan = batch.plan(16 * total, 4, 4, 1)
    found = plan_evaluations(preset, plan, Counted(16 * total))
    assert (found.interval, found.save_steps) == expected


def test_a_frozen_run_directory_is_all_the_trainer_needs(home: Path) -> None:
    run, _ = prepared(home)
    assert RunDirectory(run.path).preset.exists()
