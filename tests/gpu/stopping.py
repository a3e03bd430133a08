"""Stop, stop --now, and a hung CUDA operation: what ends when, how soon the VRAM is free, what is told without root."""

from __future__ import annotations

import os
import signal
import time

from runner.store import life, requests
from runner.store.directory import RunDirectory
from runner.store.history import read_history
from runner.store.jsonl import LineTail
from runner.supervision.stalls import STACK
from tests.gpu.scene import QUIET, Scene, events, trainer_pid, used_mib

LONG = (
    "train.max_steps=400",
    "eval.max_eval_samples=8",
    "eval.eval_steps=400",
    "output.save_steps=400",
    *QUIET,
)
FREE_SECONDS = 2.0
STACK_SECONDS = 10.0


def run(scene: Scene) -> None:
    """The two ways to stop, and SIGUSR1 while the GPU is busy."""
    gently(scene)
    at_once(scene)


def begun(scene: Scene, home: str) -> RunDirectory:
    """A run that has made its first steps."""
    run = scene.start("demo", *LONG, home=home)
    scene.wait(lambda: len(events(run, "step")) >= 2, 240, "the first steps")
    return run


def gently(scene: Scene) -> None:
    """A request: it saves, ends as stopped, and its VRAM is free."""
    run = begun(scene, "stop")
    stack(scene, run)
    own(scene, run)
    requests.stop(run, now=False)
    over(scene, run, "stop", seconds=120)
    history = read_history(run)
    scene.say("stop: ended as", history.end.get("status"), "stopped", history.end.get("status") == "stopped")
    scene.say("stop: checkpoints", history.checkpoints, "one", bool(history.checkpoints))


def at_once(scene: Scene) -> None:
    """--now: the trainer is gone within seconds."""
    run = begun(scene, "stop-now")
    started = time.monotonic()
    requests.stop(run, now=True)
    over(scene, run, "stop --now", seconds=60)
    scene.say("stop --now: s until it is over", round(time.monotonic() - started, 2))


def over(scene: Scene, run: RunDirectory, name: str, seconds: float) -> None:
    """Wait for the trainer's end, then for its VRAM."""
    busy = used_mib()
    pid = trainer_pid(run)
    scene.wait(lambda: not pid or trainer_pid(run) != pid, seconds, f"{name}: the trainer ends")
    ended = time.monotonic()
    if busy is not None:
        freed = scene.wait(lambda: _lower(busy), 30, f"{name}: the VRAM is free")
        spent = time.monotonic() - ended
        scene.say(
            f"{name}: VRAM free after s", [round(spent, 2), freed], f"≤ {FREE_SECONDS}", spent <= FREE_SECONDS
        )
    scene.wait(lambda: not life.is_alive(run), seconds, f"{name}: the supervisor ends")


def _lower(busy: int) -> int | None:
    now = used_mib()
    return now if now is not None and now < busy - 100 else None


def stack(scene: Scene, run: RunDirectory) -> None:
    """SIGUSR1 writes every thread's stack while a kernel runs, and the run goes on."""
    made = len(events(run, "step"))
    started = time.monotonic()
    os.kill(trainer_pid(run), signal.SIGUSR1)
    path = run.path / STACK
    scene.wait(
        lambda: path.exists() and "most recent call first" in path.read_text(errors="replace"),
        STACK_SECONDS,
        "stack.txt",
    )
    scene.say(
        "SIGUSR1: stack.txt after s", round(time.monotonic() - started, 2), f"≤ {STACK_SECONDS:.0f}", True
    )
    scene.wait(lambda: len(events(run, "step")) > made, 60, "it goes on after SIGUSR1")


def own(scene: Scene, run: RunDirectory) -> None:
    """What the records say of the process's own VRAM."""
    samples = [line.get("gpu") for line in LineTail(run.system).read_all()]
    found = [one.get("own_mib") for one in samples if isinstance(one, dict)]
    known = [one for one in found if one]
    scene.say(
        "own MiB in system.jsonl", max(known, default=None), "known", None if scene.rehearse else bool(known)
    )
