"""The main job, end to end: `ftui run demo` trains with real 4-bit QLoRA, and what it leaves is right."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from datasets import Dataset
from peft import PeftModel
from peft.tuners.lora import LoraLayer

from runner.insight.diagnosis import VerdictKind, diagnose
from runner.preset.files import load_frozen
from runner.store.checkpoint_integrity import is_cut_short
from runner.store.console import last_lines
from runner.store.directory import read_json
from runner.store.jsonl import LineTail
from runner.train import model
from runner.train.tokenizer import load_tokenizer
from tests.train.conftest import CommandRun
from tests.train.small_runs import built

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


def test_it_ends_well_and_says_so(demo: CommandRun) -> None:
    assert demo.exit_code == 0, demo.output
    assert "finished" in demo.output
    assert "verdict: healthy" in demo.output
    assert str(demo.run.path) in demo.output.splitlines()[-1]
    assert "step 75/75" in demo.output


def test_the_held_out_loss_visibly_falls(demo: CommandRun) -> None:
    val = demo.history.evals["val"]
    assert val[0].step == 0
    assert min(point.loss for point in val) < 0.25 * val[0].loss
    assert diagnose(demo.history.curves()).kind is VerdictKind.HEALTHY


def test_its_answers_become_right_while_it_learns(demo: CommandRun) -> None:
    """By the words of its own record; and asked again, with its adapter, on all held-out rows."""
    points = demo.history.answers
    assert [point.step for point in points] == [point.step for point in demo.history.evals["val"]]
    assert points[0].exact == 0
    assert points[-1].exact >= 14
    assert points[-1].n == points[-1].ended == points[-1].judgeable == 16
    assert f"{points[-1].exact} of 16 answers right" in demo.output
    # Not at once: there is something to look at.
    assert sum(point.exact < 8 for point in points) >= 3


def test_nine_of_ten_held_out_rows_are_answered_right(demo: CommandRun) -> None:
    preset = load_frozen(demo.run.preset)
    tokenizer = load_tokenizer(preset)
    base = model.load_model(preset)
    adapted = PeftModel.from_pretrained(base, demo.run.adapter).eval()
    rows = built(preset, tokenizer).held_out
    right = 0
    for row in rows:
        question, expected = row.messages[0]["content"], row.messages[1]["content"]
        text = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            out = adapted.generate(input_ids=ids, max_new_tokens=40, do_sample=False)
        right += tokenizer.decode(out[0][ids.shape[1] :]) == f"{expected}<|im_end|>"
    assert len(rows) == 64
    assert right >= 58


def test_every_step_is_recorded_with_its_own_loss(demo: CommandRun) -> None:
    train = demo.history.train
    assert list(train.step) == list(range(1, 76))
    assert all(math.isfinite(value) for name in ("loss", "lr", "grad_norm") for value in getattr(train, name))
    assert all(tokens > 500 for tokens in train.tokens)
    assert len(set(train.loss)) > 70
    # Warm-up over five steps, then a straight line to zero.
    assert train.lr[0] == 0
    assert train.lr[5] == pytest.approx(6e-4)
    assert train.lr[-1] == pytest.approx(6e-4 / 70)


def test_evaluations_come_about_ten_times_with_the_probe_beside_them(demo: CommandRun) -> None:
    evals = demo.history.evals
    steps = [point.step for point in evals["val"]]
    assert steps == [point.step for point in evals["train_probe"]]
    assert steps[0] == 0
    assert steps[-1] == 75
    assert 8 <= len(steps) <= 13
    assert {point.n for point in evals["val"]} == {64}
    assert {point.n for point in evals["train_probe"]} == {64}


def test_the_best_checkpoint_is_on_disk_and_complete(demo: CommandRun) -> None:
    best = demo.history.end["best_step"]
    folder = demo.run.checkpoints / f"checkpoint-{best}"
    names = {path.name for path in folder.iterdir()}
    assert {
        "adapter_model.safetensors",
        "optimizer.pt",
        "scheduler.pt",
        "rng_state.pth",
        "trainer_state.json",
    } <= names
    assert len(list(demo.run.checkpoints.glob("checkpoint-*"))) <= 4


@pytest.mark.parametrize(
    "name", ["adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"]
)
def test_a_real_file_of_a_checkpoint_is_whole_and_cut_short_is_not(
    demo: CommandRun, tmp_path: Path, name: str
) -> None:
    data = (demo.run.checkpoints / f"checkpoint-{demo.history.end['best_step']}" / name).read_bytes()
    for length, expected in ((len(data), False), (len(data) - 1, True), (len(data) // 2, True), (4, True)):
        (tmp_path / name).write_bytes(data[:length])
        assert is_cut_short(tmp_path / name) is expected, length


def test_its_log_is_shown_in_words_that_do_not_alarm(demo: CommandRun) -> None:
    shown = last_lines(demo.run.console, 1000)
    assert not [line for line in shown if "Warning" in line or "Failed" in line or "{" in line]
    told = next(line for line in shown if line.startswith("data:"))
    assert "400 rows read: 400 trained on, 64 evaluated on" in told


def test_the_plan_and_the_ledger_are_recorded(demo: CommandRun) -> None:
    plan = demo.history.plan
    assert (plan["per_device_train_batch_size"], plan["gradient_accumulation_steps"], plan["world_size"]) == (
        4,
        4,
        1,
    )
    assert (plan["total_steps"], plan["steps_per_epoch"], plan["warmup_steps"]) == (75, 25, 5)
    assert plan["method"] == "QLoRA"
    ledger = plan["ledger"]
    assert (ledger["rows_read"], ledger["train_rows"], ledger["eval_rows"], ledger["truncated_rows"]) == (
        400,
        400,
        64,
        0,
    )
    assert 0.2 < ledger["trained_tokens"] / ledger["tokens"] < 0.8
    record = read_json(demo.run.run)
    assert record["versions"]["bitsandbytes"]
    assert record["preset"] == "demo"


def test_the_trainer_used_what_the_preset_says(demo: CommandRun) -> None:
    (effective,) = [e for e in LineTail(demo.run.events).read_all() if e["type"] == "effective"]
    assert effective["differences"] == []
    arguments = effective["arguments"]
    assert (arguments["learning_rate"], arguments["max_length"], arguments["per_device_eval_batch_size"]) == (
        6e-4,
        256,
        4,
    )
    assert arguments["logging_nan_inf_filter"] is False
    assert not any("token" in key for key in arguments)


def test_the_system_was_sampled_every_second(demo: CommandRun) -> None:
    samples = LineTail(demo.run.system).read_all()
    assert len(samples) >= 5
    gaps = [b["t"] - a["t"] for a, b in itertools.pairwise(samples)]
    assert 0.9 < sorted(gaps)[len(gaps) // 2] < 2
    assert all(sample["trainer_rss_mib"] > 50 for sample in samples[2:])


def test_the_adapter_reloads_with_peft_and_gives_the_same_loss(demo: CommandRun) -> None:
    preset = load_frozen(demo.run.preset)
    tokenizer = load_tokenizer(preset)
    base = model.load_model(preset)
    layers = [module for module in base.modules() if isinstance(module, Linear4bit)]
    assert len(layers) == 4 * 7
    assert all(layer.weight.quant_state.quant_type == "nf4" for layer in layers)
    assert all(layer.weight.quant_state.nested for layer in layers)
    rows = built(preset, tokenizer).evals["val"]
    untrained = mean_loss(base, rows)
    adapted = PeftModel.from_pretrained(base, demo.run.adapter).eval()
    assert sum(isinstance(module, LoraLayer) for module in adapted.modules()) == 4 * 7
    end = demo.history.end
    assert mean_loss(adapted, rows) == pytest.approx(end["best_loss"], rel=1e-4)
    assert untrained == pytest.approx(demo.history.evals["val"][0].loss, rel=1e-4)


def mean_loss(network: torch.nn.Module, rows: Dataset) -> float:
    """Nats a token by plain cross entropy, row by row: none of the trainer's code."""
    total, count = 0.0, 0
    for row in rows:
        ids, labels = torch.tensor([row["input_ids"]]), torch.tensor(row["labels"])
        with torch.no_grad():
            logits = network(input_ids=ids).logits[0, :-1].float()
        total += float(
            torch.nn.functional.cross_entropy(logits, labels[1:], ignore_index=-100, reduction="sum")
        )
        count += int((labels[1:] != -100).sum())
    return total / count


def test_the_demo_is_small_and_deterministic() -> None:
    from runner.preset.files import shipped_folder
    from runner.train.demo_text import chat_rows, locker_rows

    folder = shipped_folder() / "demo"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size < 4 << 20
    for name, rows in (("train", chat_rows(3, 400)), ("overfit-train", locker_rows(5, 16))):
        assert Path(folder / f"{name}.jsonl").read_text() == "".join(json.dumps(row) + "\n" for row in rows)
