"""A model of an 8B's shape: what was predicted beside what the allocator and NVML saw, and an evaluation whose scores
of a vocabulary of 152,000 are the peak.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from runner.check.assess import assess, best_card, this_machine
from runner.preset import files
from runner.store.directory import RunDirectory, read_json
from runner.store.history import read_history
from tests.gpu.scene import QUIET, Scene, events, make_model, write_rows
from tests.gpu.shapes import QWEN3_8B, SHALLOW, TINY

NEAR = 0.10


def overrides(scene: Scene, model: Path, length: int, rows: int, evaluated: int) -> tuple[str, ...]:
    """The preset for a 24 GB card with rows that fill max_length, for one epoch."""
    batch = 2
    data = write_rows(scene.folder / f"rows-{length}-{rows}.jsonl", rows, length // 3)
    held_out = write_rows(
        scene.folder / f"held-out-{length}-{evaluated}.jsonl", evaluated, length // 3, first=rows
    )
    return (
        f"model.model_name_or_path={model}",
        f"data.train_dataset={data}",
        f"data.eval_dataset={held_out}",
        f"train.max_length={length}",
        "train.num_train_epochs=1",
        f"train.per_device_train_batch_size={batch}",
        "train.gradient_accumulation_steps=1",
        "output.save_total_limit=1",
        *QUIET,
    )


def run(scene: Scene) -> None:
    """NF4, 2 × 2048; then the prediction again, calibrated by this run."""
    length = 64 if scene.rehearse else 2048
    model = make_model(scene, "8b", TINY if scene.rehearse else QWEN3_8B)
    settings = overrides(scene, model, length, rows=8 if scene.rehearse else 20, evaluated=4)
    before = predicted(scene, settings)
    started = scene.start("qlora-8b-24gb", *settings)
    history = scene.finish(started, 400)
    rates = [t / s for t, s in zip(history.train.tokens, history.train.seconds, strict=True)][2:]
    scene.say("tokens a second", round(statistics.median(rates), 1) if rates else None)
    compare(scene, started, before)
    if not scene.rehearse:
        after = predicted(scene, settings)
        measured = measured_peak(started)
        if after is not None and measured is not None:
            gap = after / measured - 1
            scene.say("next check, calibrated", f"{gap:+.1%}", f"within {NEAR:.0%}", abs(gap) <= NEAR)


def evaluation(scene: Scene) -> None:
    """16 × 2048 tokens scored over the whole vocabulary, in a model of two layers."""
    length, batch = (64, 4) if scene.rehearse else (2048, 16)
    model = make_model(scene, "shallow", TINY if scene.rehearse else SHALLOW)
    settings = overrides(scene, model, length, rows=8, evaluated=batch)
    started = scene.start("qlora-8b-24gb", *settings, f"eval.per_device_eval_batch_size={batch}")
    history = scene.finish(started)
    scene.say("evaluations", len(history.evals["val"]), "≥ 2", len(history.evals["val"]) >= 2)
    record = read_json(started.path / "memory.json")
    share(
        scene,
        "evaluation MiB",
        record.get("evaluation_allocated"),
        record.get("predicted_evaluation"),
        record,
    )


def predicted(scene: Scene, settings: tuple[str, ...]) -> float | None:
    """The peak that `ftui check` predicts now, in MiB; None without a card."""
    from runner import gpu

    home = scene.folder / "home"
    loaded = files.load("qlora-8b-24gb", home, settings)
    found = assess(loaded.preset, this_machine(best_card(gpu.read())), home)
    if found.prediction is None:
        scene.say("prediction", found.memory_problem)
        return None
    scene.say("prediction MiB", round(found.prediction.train.need))
    return found.prediction.train.need


def measured_peak(run: RunDirectory) -> float | None:
    """What NVML saw of the process at most; what the allocator reserved where it does not say."""
    record = read_json(run.path / "memory.json")
    found = record.get("shown") or record.get("peak_reserved")
    return float(found) if found else None


def compare(scene: Scene, run: RunDirectory, before: float | None) -> None:
    """Static, peak, reserved and NVML's figure beside the closed form."""
    record = read_json(run.path / "memory.json")
    static, activations = record.get("predicted_static"), record.get("predicted_activations")
    share(scene, "static MiB", record.get("static"), static, record)
    if static and activations:
        share(scene, "peak MiB", record.get("peak_allocated"), static + activations, record)
    scene.say("reserved MiB", record.get("peak_reserved"))
    scene.say("NVML MiB of the process", record.get("shown"))
    measured = measured_peak(run)
    if before is not None and measured is not None:
        scene.say(
            "first prediction",
            f"{before / measured - 1:+.1%}",
            f"within {NEAR:.0%}",
            abs(before / measured - 1) <= NEAR,
        )
    scene.say("memory events", [(one["at"], one.get("allocated_mib")) for one in events(run, "memory")])
    scene.say("losses", [round(float(loss), 3) for loss in read_history(run).train.loss[:3]])


def share(scene: Scene, check: str, measured: Any, predicted: Any, record: dict[str, Any]) -> None:
    """How far a figure is from its prediction."""
    if not measured or not predicted:
        scene.say(
            check, measured, f"predicted {predicted}", None if scene.rehearse else bool(record) and None
        )
        return
    gap = float(measured) / float(predicted) - 1
    scene.say(
        check, round(float(measured)), f"{float(predicted):.0f} predicted, {gap:+.1%}", abs(gap) <= NEAR
    )
