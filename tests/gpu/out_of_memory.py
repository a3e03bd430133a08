"""Memory that really runs out, in a step and in an evaluation, beside a process that holds the rest of the card."""

from __future__ import annotations

import os
from contextlib import nullcontext

from runner.store.directory import RunDirectory
from tests.gpu.scene import QUIET, PartError, Scene, device, events, holder, make_model, used_mib, write_rows
from tests.gpu.shapes import WIDE

# What the holder leaves of the card, in MiB: enough for the model and a small batch, not for the preset's.
LEFT = 6000
SIMULATED = {"step": "step:1", "evaluation": "evaluation:1"}


def run(scene: Scene) -> None:
    """Each is planned again with a smaller batch, and finishes; between, the VRAM comes back."""
    model = "" if scene.rehearse else str(make_model(scene, "wide", WIDE))
    for stage in SIMULATED:
        before = used_mib()
        done = starved(scene, stage, model)
        replans = events(done, "replan")
        said = [(one["at"], one["plan"]) for one in replans]
        wanted = "evaluation" if stage == "evaluation" else "training"
        scene.say(
            f"{stage}: planned again", said, f"at {wanted}", any(one["at"] == wanted for one in replans)
        )
        if before is not None:
            now = scene.wait(lambda before=before: back(before), 10, "the VRAM comes back")
            scene.say(f"{stage}: VRAM afterwards", now, f"≤ {before} + 64 MiB", True)


def back(before: int) -> int | None:
    """The VRAM in use once it is what it was."""
    now = used_mib()
    return now if now is not None and now <= before + 64 else None


def starved(scene: Scene, stage: str, model: str) -> RunDirectory:
    """A run that has too little for its first plan, at one stage."""
    short = ("train.max_steps=4", "eval.eval_steps=2", "output.save_steps=2", *QUIET)
    if scene.rehearse:
        os.environ["FTUI_OOM"] = SIMULATED[stage]
        small = ("data.max_train_samples=64", "eval.max_eval_samples=8")
        run = scene.start("demo", *short, *small, home=stage, trainer="tests.train.oom_trainer")
        scene.finish(run)
        return run
    length = 2048
    rows = write_rows(scene.folder / stage / "rows.jsonl", 256, length // 3)
    sizes = {"step": (32, 1), "evaluation": (1, 64)}[stage]
    overrides = (
        f"model.model_name_or_path={model}",
        f"data.train_dataset={rows}",
        f"train.max_length={length}",
        f"train.per_device_train_batch_size={sizes[0]}",
        f"train.gradient_accumulation_steps={max(1, 32 // sizes[0])}",
        f"eval.per_device_eval_batch_size={sizes[1]}",
        "data.eval_fraction=0.25",
        "eval.max_eval_samples=64",
        *short,
    )
    total = free_mib()
    with holder(total - LEFT) if total > LEFT else nullcontext():
        run = scene.start("qlora-8b-24gb", *overrides, home=stage)
        scene.finish(run, 300)
    return run


def free_mib() -> int:
    """What is free on the card now."""
    sample = device()
    if sample is None or sample.free_mib is None:
        raise PartError("no GPU whose memory can be read")
    return sample.free_mib
