"""Measure a preset instead of predicting: starts runner.train.probe and says what it found."""

from __future__ import annotations

import itertools
import secrets
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import gpu
from runner.check.records import PROBES, RECORD
from runner.insight import batch
from runner.insight.data import DataReport
from runner.insight.eval_budget import counted, plan_evaluations
from runner.machine import training_stack
from runner.preset import files
from runner.preset.schema import Preset
from runner.store import directory
from runner.store.directory import RunDirectory, read_json
from runner.store.jsonl import LineTail
from runner.supervision.environment import trainer_environment

POLL_SECONDS = 0.1
ONE_STEP = "one optimizer step"
MICRO_STEPS = 2


@dataclass(frozen=True)
class Probed:
    """What a probe measured. Seconds of each stage; memory in MiB: of torch's allocator and NVML on a GPU, resident
    memory on the CPU. `problem` says why there is nothing.
    """

    device: str = ""
    seconds: tuple[tuple[str, float], ...] = ()
    memory: tuple[tuple[str, float], ...] = ()
    problem: str = ""
    hint: str = ""


def probe(preset: Preset, home: Path, chosen: gpu.Gpu | None, tell: Callable[[str], None]) -> Probed:
    """Load, two micro-steps with the longest rows, one optimizer step, one evaluation batch, one checkpoint; `tell` is
    given each phase as it begins. Interrupted, the child ends too. Raises OSError when the disk does.
    """
    folder = home / PROBES / f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
    run = RunDirectory(folder)
    for part in (home / PROBES, folder, run.requests, run.checkpoints):
        # Each by itself: parents are made with the usual rights.
        part.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.dump(preset, run.preset)
    record = {"gpu": None if chosen is None else {"uuid": chosen.uuid}}
    with directory.open_console(run) as console:
        child = subprocess.Popen(
            training_stack.command("runner.train.probe", folder),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env=trainer_environment(run, record),
            cwd=folder,
        )
    tail, events = LineTail(run.events), list[dict[str, Any]]()
    try:
        is_over = False
        while not is_over:
            # Asked before the last look: what it said in between is there by then.
            is_over = child.poll() is not None
            for event in tail.read_all():
                events.append(event)
                if event.get("type") == "phase":
                    tell(str(event.get("phase")))
            if not is_over:
                time.sleep(POLL_SECONDS)
    finally:
        child.terminate()
        child.wait()
    return _result(events, read_json(folder / RECORD), folder)


def _result(events: list[dict[str, Any]], record: dict[str, Any], folder: Path) -> Probed:
    end = next((event for event in events if event.get("type") == "end"), {})
    if end.get("status") != "finished" or not record:
        reason = str(end.get("reason") or "the probe ended without a word")
        return Probed(problem=reason, hint=str(end.get("hint") or f"Its log is {folder}/console.log"))
    stages = record.get("stages", {})
    if record.get("gpu"):
        memory = [(name, record[key]) for name, key in _GPU_FIGURES if record.get(key)]
    else:
        memory = [(f"resident, {at}", stage["rss_mib"]) for at, stage in stages.items()]
    return Probed(str(record.get("device")), tuple(_seconds(events)), tuple(memory))


def whole_run(preset: Preset, data: DataReport | None, found: Probed) -> tuple[tuple[str, float], ...]:
    """Seconds of all optimizer steps and of all evaluations and answers, at the measured pace; nothing while the rows
    are not counted. The measured rows are the longest, so both are the most it can be.
    """
    step = dict(found.seconds).get(ONE_STEP)
    if not step or data is None or not data.train_samples:
        return ()
    plan = batch.plan_of(preset, data.train_samples)
    share = plan_evaluations(preset, plan, counted(preset, data, plan)).share
    # A probe makes at most two of a step's micro-steps.
    steps = plan.total_steps * step * max(1.0, plan.accumulation / MICRO_STEPS)
    return (
        ("all steps, at most", steps),
        ("all evaluations and answers, at most", steps * share / (1 - share)),
    )


_GPU_FIGURES = (
    ("allocated while loading", "load_allocated"),
    ("allocated between steps", "static"),
    ("allocated at the peak of training", "peak_allocated"),
    ("allocated at the peak of evaluation", "evaluation_allocated"),
    ("reserved at the peak", "peak_reserved"),
    ("by NVML", "shown"),
)


def _seconds(events: list[dict[str, Any]]) -> list[tuple[str, float]]:
    """How long each stage took, from the events' own times."""
    found: dict[str, float] = {}
    phases = [event for event in events if event.get("type") in ("phase", "end")]
    for now, after in itertools.pairwise(phases):
        if now.get("type") == "phase":
            name = str(now["phase"])
            found[name] = found.get(name, 0.0) + float(after["t"]) - float(now["t"])
    step = next((event for event in events if event.get("type") == "step"), None)
    found.pop("training", None)
    if step is not None:
        found[ONE_STEP] = float(step.get("step_s", 0.0))
    return [(name, round(seconds, 3)) for name, seconds in found.items() if name != "finished"]
