"""What is measured beside the loss is read from everything that a Trainer, or what is built on it, writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.foreign.opening import read_path
from tests.foreign.test_columns import database
from tests.foreign.test_tensorboard import Writer
from tests.foreign.test_trainer_state import state

Logs = list[tuple[int, dict[str, float]]]
LOGS: Logs = [
    (
        10,
        {"loss": 0.0, "reward": 0.25, "kl": 0.001, "rewards/margins": 0.5, "completions/mean_length": 200.0},
    ),
    (
        20,
        {"loss": 0.01, "reward": 0.5, "kl": 0.002, "rewards/margins": 1.5, "completions/mean_length": 180.0},
    ),
    (
        20,
        {
            "eval_loss": 0.9,
            "eval_accuracy": 0.75,
            "eval_f1": 0.5,
            "eval_runtime": 2.0,
            "eval_samples_per_second": 16.0,
        },
    ),
    # A log without a loss, as PPO's are.
    (30, {"reward": 0.75, "kl": 0.003, "objective/kl": 4.0}),
]


def tags(logs: dict[str, float]) -> dict[str, float]:
    """The names reporters get."""
    return {f"eval/{k[5:]}" if k.startswith("eval_") else f"train/{k}": v for k, v in logs.items()}


def trainer_state(folder: Path) -> Path:
    path = folder / "trainer_state.json"
    path.write_text(json.dumps(state([{"step": step, **logs} for step, logs in LOGS], 30)))
    return path


def tensorboard(folder: Path) -> Path:
    writer = Writer(folder / "runs" / "Nov24")
    for step, logs in LOGS:
        writer.log(step, **logs)
    writer.writer.close()
    return folder


def console(folder: Path) -> Path:
    path = folder / "train.log"
    path.write_text("".join(f"{logs | {'step': step}}\n" for step, logs in LOGS))
    return path


def llama_factory(folder: Path) -> Path:
    path = folder / "trainer_log.jsonl"
    lines = [{"current_steps": step, "total_steps": 40, **logs} for step, logs in LOGS]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def ms_swift(folder: Path) -> Path:
    path = folder / "logging.jsonl"
    lines = [{**logs, "global_step/max_steps": f"{step}/40"} for step, logs in LOGS]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def trackio(folder: Path) -> Path:
    rows = [
        ("run", at, json.dumps(tags(logs) | {"train/global_step": step}))
        for at, (step, logs) in enumerate(LOGS)
    ]
    return database(folder / "project.db", rows)


def wandb(folder: Path) -> Path:
    """Read through a stub of the program."""
    items: list[dict[str, Any]] = [
        {"type": "history", "history": {"item": {**tags(logs), "train/global_step": step, "_step": at}}}
        for at, (step, logs) in enumerate(LOGS)
    ]
    (folder / "said.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    stub = folder / "bin" / "wandb"
    stub.parent.mkdir()
    stub.write_text(f"#!/bin/sh\nexec cat {folder}/said.jsonl\n")
    stub.chmod(0o755)
    path = folder / "run-abc.wandb"
    path.write_bytes(b":W&B")
    return path


@pytest.mark.parametrize(
    "write", [trainer_state, tensorboard, console, llama_factory, ms_swift, trackio, wandb]
)
def test_rewards_and_accuracies(
    tmp_path: Path, write: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    trace, history = read_path(write(tmp_path))
    curves = history.curves()
    assert (trace.bad_lines, history.bad_events, history.resumed_at) == (0, 0, [])
    assert list(curves.train.step) == [10, 20]
    assert list(curves.train.loss) == pytest.approx([0.0, 0.01])
    assert list(curves.metrics["reward"].step) == [10, 20, 30]
    assert list(curves.metrics["reward"].value) == [0.25, 0.5, 0.75]
    assert list(curves.metrics["rewards/margins"].value) == [0.5, 1.5]
    assert curves.metrics["kl"].value[-1] == pytest.approx(0.003)
    assert list(curves.metrics["completions/mean_length"].value) == [200.0, 180.0]
    assert list(curves.metrics["objective/kl"].value) == [4.0]
    assert curves.metrics.keys() == {
        "reward",
        "kl",
        "rewards/margins",
        "completions/mean_length",
        "objective/kl",
    }
    assert [(p.step, p.n) for p in curves.val] == [(20, 32)]
    assert {name: list(m.value) for name, m in curves.eval_metrics["val"].items()} == {
        "accuracy": [0.75],
        "f1": [0.5],
    }
