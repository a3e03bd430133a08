"""kill -9 and go on: the same dtypes, static memory and losses as an unbroken run; in every kind of training."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from runner.commands.resume import resume
from runner.store.directory import RunDirectory
from runner.store.history import History
from tests.gpu.scene import QUIET, Scene, events, kill_trainer

STEPS = 30
FLOAT16_STEPS = 15
SHORT = (
    "eval.max_eval_samples=8",
    "data.max_train_samples=64",
    "train.gradient_accumulation_steps=1",
    "output.load_best_model_at_end=false",
    *QUIET,
)
# Of the loss: kernels that add in another order; a lost optimizer state shows in tenths.
NEAR = 0.02
NOT_QUANTISED = ("quantization.load_in_4bit=false",)
KINDS: dict[str, Sequence[str]] = {
    "adamw_8bit": ("train.optim=adamw_8bit",),
    "paged_adamw_8bit": ("train.optim=paged_adamw_8bit",),
    "8-bit": (*NOT_QUANTISED, "quantization.load_in_8bit=true"),
    "LoRA 16-bit": NOT_QUANTISED,
    "full": (*NOT_QUANTISED, "lora.use_peft=false", "train.learning_rate=2e-4"),
    "packing": ("train.packing=true",),
}
# Optimizers and weights that the CPU has no kernels for.
GPU_ONLY = ("adamw_8bit", "paged_adamw_8bit", "8-bit")


def run(scene: Scene) -> None:
    """The demo in bf16."""
    broken_off(scene, "demo")


def float16(scene: Scene) -> None:
    """In float16, whose gradients are scaled, broken off in the middle."""
    if scene.rehearse:
        scene.say("float16", "not on the CPU")
        return
    broken_off(scene, "float16", "model.dtype=float16", steps=FLOAT16_STEPS)


def kinds(scene: Scene) -> None:
    """Steps, a kill, and more steps of each; several at once, since most of the time is imports."""
    wanted = {name: more for name, more in KINDS.items() if not (scene.rehearse and name in GPU_ONLY)}
    if scene.rehearse:
        wanted = {"full": KINDS["full"]}
    with ThreadPoolExecutor(1 if scene.rehearse else 3) as pool:
        for done in [pool.submit(_kind, scene, name, more) for name, more in wanted.items()]:
            done.result()


def _kind(scene: Scene, name: str, more: Sequence[str]) -> None:
    try:
        broken_off(scene, name, *more)
    except Exception as error:
        scene.say(name, str(error)[:800], "goes on", False)


def broken_off(scene: Scene, name: str, *more: str, steps: int = STEPS) -> History:
    """Kill a run two steps after its first checkpoint, go on, and hold what follows against what came before."""
    place, saved = name.replace(" ", "-"), steps // 3
    sizes = (f"train.max_steps={steps}", f"output.save_steps={saved}", f"eval.eval_steps={saved}")
    run = scene.start("demo", *SHORT, *sizes, *more, home=place)
    scene.wait(lambda: len(events(run, "step")) >= saved + 2, 240, f"{name}: step {saved + 2}")
    before = events(run, "memory")
    kill_trainer(scene, run)
    resume(run)
    history = scene.finish(run)
    made = [int(step) for step in history.train.step]
    scene.say(
        f"{name}: steps",
        f"{made[0]} … {made[-1]}, resumed at {history.resumed_at}",
        f"1 … {steps}",
        made == list(range(1, steps + 1)),
    )
    plans = events(run, "plan")
    formats = [(plan["dtype"], plan["trainable_parameters"]) for plan in plans]
    scene.say(f"{name}: dtype and trained parameters", formats, "the same", len(set(formats)) == 1)
    jump = _jump(run)
    scene.say(f"{name}: loss of repeated steps apart", jump, f"< {NEAR}", jump is not None and jump < NEAR)
    static(scene, name, before, events(run, "memory")[len(before) :])
    return history


def _jump(run: RunDirectory) -> float | None:
    """How far the losses of steps that were made twice are apart; None where none was."""
    losses: dict[int, list[float]] = {}
    for event in events(run, "step"):
        losses.setdefault(int(event["step"]), []).append(float(event["loss"]))
    twice = [abs(made[0] - made[-1]) for made in losses.values() if len(made) > 1]
    return round(max(twice), 5) if twice else None


def static(
    scene: Scene, name: str, before: Sequence[dict[str, object]], after: Sequence[dict[str, object]]
) -> None:
    """The memory held between steps, before and after."""
    found = [
        next((one.get("allocated_mib") for one in part if one["at"] == "first step"), None)
        for part in (before, after)
    ]
    if isinstance(found[0], int) and isinstance(found[1], int):
        near = abs(found[0] - found[1]) <= max(8, 0.02 * found[0])
        scene.say(f"{name}: static MiB", found, "the same", near)
