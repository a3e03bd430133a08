"""The demo as `ftui run` launches it: where it ran, in what format, what it learned, and where the time went."""

from __future__ import annotations

from runner.store.history import History
from runner.store.jsonl import LineTail
from tests.gpu.scene import QUIET, Scene, events

# Between bf16 on the GPU and fp32 on the CPU, with the same rows in the same order.
NEAR = 0.02
LEAST_SHARE = 0.95


def run(scene: Scene) -> None:
    """On the GPU, and on the CPU for its loss."""
    short = ("train.max_steps=4", "eval.max_eval_samples=8", *QUIET) if scene.rehearse else QUIET
    started = scene.start("demo", *short)
    history = scene.finish(started)
    plan = history.plan
    scene.say(
        "device",
        plan["device"],
        "CPU" if scene.rehearse else "a GPU",
        (plan["device"] == "CPU") is scene.rehearse,
    )
    scene.say(
        "dtype",
        plan["dtype"],
        "float32" if scene.rehearse else "bfloat16 or float16",
        (plan["dtype"] == "float32") is scene.rehearse,
    )
    val = history.evals["val"]
    scene.say(
        "held-out loss", [round(val[0].loss, 4), round(val[-1].loss, 4)], "falls", val[-1].loss < val[0].loss
    )
    clock(scene, history, [dict(event) for event in LineTail(started.events).read_all()])
    if not scene.rehearse:
        on_cpu = Scene(scene.part, scene.folder, rehearse=True)
        expected = on_cpu.finish(on_cpu.start("demo", *QUIET, home="cpu")).evals["val"][-1].loss
        apart = abs(expected - val[-1].loss)
        scene.say("apart from the CPU's loss", round(apart, 4), f"< {NEAR}", apart < NEAR)
        memory = events(started, "memory")
        scene.say(
            "memory events", [(one["at"], one.get("allocated_mib")) for one in memory], "some", bool(memory)
        )


def clock(scene: Scene, history: History, lines: list[dict[str, object]]) -> None:
    """How much of the wall time between two evaluations the steps account for: the rest is unaccounted."""
    spans: list[tuple[float, float]] = []
    seconds, first, last = 0.0, None, 0.0
    for event in lines:
        kind, at = event.get("type"), float(str(event.get("t", 0.0)))
        if kind == "step":
            step_s = float(str(event.get("step_s", 0.0)))
            first = at - step_s if first is None else first
            seconds, last = seconds + step_s, at
        elif first is not None:
            spans.append((seconds, last - first))
            seconds, first = 0.0, None
    if first is not None:
        spans.append((seconds, last - first))
    wall = sum(span for _, span in spans)
    share = sum(spent for spent, _ in spans) / wall if wall > 0 else 1.0
    scene.say("Σ step_s of wall time", round(share, 3), f"≥ {LEAST_SHARE}", share >= LEAST_SHARE)
    scene.say("s a step", round(float(sum(history.train.seconds)) / max(1, len(history.train)), 3))
