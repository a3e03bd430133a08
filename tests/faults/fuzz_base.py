"""A small but complete run as the bytes of its files: what every mutated run begins as."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from tests.checkpoint_files import whole
from tests.run.scenes import Event, end, evaluation, phase, plan, step
from tests.tui.made import sample

RUN_ID = "20261124-090000-demo-0001"
OTHER_ID = "20261124-080000-demo-0002"
TICKET = "queue.json"
"""Stands for the run's ticket, which lies in the queue's folder and not in the run's."""

# Small: a preset is read in a millisecond, one with every setting written out in ten.
PRESET = b"""\
description: "a demo"
model:
  model_name_or_path: /models/tiny
  dtype: float32
lora:
  r: 8
  lora_alpha: 16
train:
  learning_rate: 2e-4
  num_train_epochs: 3.0
  per_device_train_batch_size: 4
data:
  train_dataset: /data/rows.jsonl
  eval_fraction: 0.1
  mix:
    - dataset: /data/general.jsonl
      ratio: 0.2
eval:
  sample_prompts: ["Who are you?"]
"""

HELD_OUT = (2.5, 1.8, 1.4, 1.2, 1.25, 1.31, 1.4, 1.5)
PROBE = (2.5, 1.8, 1.3, 1.0, 0.8, 0.6, 0.5, 0.4)
EVERY = 8
LAST = EVERY * (len(HELD_OUT) - 1) + 4
# Enough to have everything in it once; read in half the time.
SHORT = 2 * EVERY + 4


def _events(until: int, is_over: bool) -> list[Event]:
    """Everything a trainer can say; the run overfits, fails once, is resumed, and finishes after so many steps if it is
    over.
    """
    sizes = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "world_size": 1}
    said = plan(
        LAST,
        steps_per_epoch=9,
        warmup_steps=2,
        eval_steps=EVERY,
        save_steps=EVERY,
        total_parameters=2000,
        method="QLoRA",
        device="RTX 4090",
        dtype="bfloat16",
        ledger={"train_rows": 72, "eval_rows": 8, "truncated_rows": 1, "formats": {"chat messages": 80}},
        learning_rate=2e-4,
        lr_scheduler_type="linear",
        eval_fingerprints={"val": "9b1cab12583f0e56"},
        **sizes,
    )
    started = [
        {"type": "header", "schema": 1, "run": RUN_ID},
        phase("queued"),
        phase("loading model"),
        phase("tokenising"),
        said,
        {"type": "effective", "arguments": {"lr": 2e-4}, "differences": [["lr", 1, 2]]},
        phase("training"),
    ]
    events = [*started, *_evaluated(0)]
    for at in range(1, until + 1):
        events.append(step(at, _loss(at), step_s=0.5))
        if at % EVERY == 0:
            events += _evaluated(at)
        if at == 2 * EVERY + 1:
            error = {
                "type": "error",
                "class": "OutOfMemoryError",
                "message": "The GPU ran out.",
                "hint": "Halve.",
            }
            events += [error, *end("failed", "The GPU ran out."), {"type": "resume", "step": 2 * EVERY}]
            again = {"type": "replan", "at": "training", "plan": "4 × 2 = 8 → 2 × 4 = 8"}
            events += [
                {**again, "per_device": 2, "accumulation": 4, "eval_batch": 2},
                said,
                phase("training"),
            ]
    events.append({"type": "warning", "id": "lr", "message": "A word."})
    best = {"best_step": 16, "best_loss": 1.4, "saved": "adapter"}
    over = [phase("finished"), {"type": "end", "status": "finished", "reason": "", **best}]
    return [*events, *over] if is_over else events


def _loss(at: int) -> float:
    place = at // EVERY
    return 9.0 if at == LAST - 3 else PROBE[place] + (at % 3) / 50


def _evaluated(at: int) -> list[Event]:
    place = at // EVERY
    rows = [HELD_OUT[place] + n / 10 for n in range(-2, 3)]
    copied = {"words": 9, "row": [0, 3], "start": 2, "end": 12}
    events = [
        phase("evaluating"),
        evaluation(at, HELD_OUT[place], row_losses=rows, seconds=0.5, tokens=90),
        evaluation(at, PROBE[place], "train_probe", seconds=0.5),
        evaluation(at, 2.0 + at / 50, "general"),
        sample(at, 0, f"An answer at {at}, copied.", expected="Me.", copied=copied),
        {"type": "memory", "at": "step", "allocated_mib": 90, "reserved_mib": 100.0 + at, "rss_mib": 50},
    ]
    saved = {"type": "checkpoint", "step": at, "path": f"checkpoints/checkpoint-{at}", "best": at == 12}
    return [*events, saved] if at and at % (2 * EVERY) == 0 else events


def _lines(records: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records).encode()


def _system(at: int) -> dict[str, Any]:
    gpu = {"uuid": "GPU-1", "used_mib": 9000 + at, "free_mib": 15000 - at, "own_mib": 8000, "problem": ""}
    gpu |= {"utilisation_percent": 97, "temperature_c": 66, "power_w": 390.5}
    host = {"cpu_percent": 55.3, "ram_used_mib": 638, "ram_total_mib": 24105}
    return {"t": 1e9 + at, **host, "trainer_rss_mib": 247, "trainer_cpu_percent": 99.0, "gpu": gpu}


def _checkpoint(at: int) -> dict[str, bytes]:
    state = {"global_step": at, "max_steps": LAST, "log_history": [{"step": at, "loss": 1.5, "epoch": 0.5}]}
    names = ("optimizer.pt", "scheduler.pt", "rng_state.pth", "adapter_model.safetensors")
    files = {name: whole(name, b"w") for name in names}
    files["trainer_state.json"] = json.dumps(state).encode()
    return {f"checkpoints/checkpoint-{at}/{name}": content for name, content in files.items()}


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode()


@cache
def base(is_long: bool = True, is_over: bool = True) -> Mapping[str, bytes]:
    """The files of the run by their path in it, with the events of 60 steps or of 20; over, or training still."""
    until = (LAST if is_long else SHORT) - (0 if is_over else EVERY - 1)
    gpu = {"index": 0, "uuid": "GPU-1", "name": "NVIDIA GeForce RTX 4090", "total_mib": 24564}
    record = {
        "schema": 1,
        "id": RUN_ID,
        "preset": "demo",
        "created_at": 1.7e9,
        "argv": "ftui run demo",
        "gpu": gpu,
    }
    record |= {"versions": {"torch": "2.11", "trl": None}, "host": "box", "python": "3.11", "driver": "580"}
    phase_now = "finished" if is_over else "training"
    state = {"phase": phase_now, "step": LAST, "total_steps": LAST, "loss": 0.4, "losses": [2.5, 1.0, 0.4]}
    state |= {"eval_loss": 1.5, "best_loss": 1.2, "best_step": 12, "verdict": "overfitting", "severity": 3}
    state |= {
        "headline": "OVERFITTING",
        "reason": "",
        "trainer_pid": 7,
        "supervisor_pid": 6,
        "updated_at": 1.7e9,
    }
    used = {"model_type": "llama", "gpu": "RTX 4090", "stack": "2.11", "allocator": "native", "oom": False}
    used |= {"predicted_static": 900.0, "predicted_activations": 90.0, "static": 880.0, "shown": 1200.0}
    return {
        "preset.yaml": PRESET,
        "run.json": _json(record),
        "state.json": _json(state),
        "events.jsonl": _lines(
            {"type": event["type"], "t": 1e9 + at, **event}
            for at, event in enumerate(_events(until, is_over))
        ),
        "system.jsonl": _lines(_system(at) for at in range(4)),
        "console.log": b"loading\n\x1b[32m 10%|#\r 90%|###\x1b[0m\n{'loss': 1.5, 'epoch': 0.1}\nCUDA error\nbye\n",
        "rows.jsonl": _lines({"step": at, "rows": [[0, at], [1, 2 * at]]} for at in range(1, LAST + 1)),
        "replan.json": _json({"per_device": 2, "accumulation": 2, "eval_batch": 2, "count": 1}),
        "memory.json": _json(used),
        "report.md": b"# a report\n",
        "lock": b"",
        "trainer.lock": b"",
        "requests/save": _json({"at": 1.7e9, "reason": "because"}),
        "adapter/adapter_model.safetensors": b"weights",
        **_checkpoint(2 * EVERY),
        **_checkpoint(4 * EVERY),
        TICKET: _json({"rank": 3.5, "gpu": "GPU-1", "need_mib": 9000, "paused": False}),
    }
