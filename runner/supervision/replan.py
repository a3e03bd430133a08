"""After an out-of-memory: the same effective batch in smaller parts, as replan.json beside the frozen preset."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runner.preset.schema import Preset
from runner.store.directory import RunDirectory, read_json, write_json

FILE = "replan.json"
# How the trainer asks its supervisor to be started again with the new plan (EX_TEMPFAIL).
EXIT_CODE = 75
MOST = 6
EVALUATION = "evaluation"


@dataclass(frozen=True)
class Plan:
    """Batch sizes that replace those of the preset; `eval_batch` None leaves the preset's. `count` is how many re-plans
    there were.
    """

    per_device: int
    accumulation: int
    eval_batch: int | None = None
    count: int = 0

    @property
    def effective(self) -> int:
        return self.per_device * self.accumulation


def path(run: RunDirectory) -> Path:
    return run.path / FILE


def read(run: RunDirectory, preset: Preset) -> Plan:
    """The plan in force: of the last re-plan, or the preset's own."""
    train = preset.train
    own = Plan(train.per_device_train_batch_size, train.gradient_accumulation_steps)
    values: dict[str, Any] = read_json(path(run))
    try:
        plan = Plan(
            int(values["per_device"]),
            int(values["accumulation"]),
            None if values.get("eval_batch") is None else int(values["eval_batch"]),
            int(values.get("count", 0)),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return own
    return plan if plan.per_device > 0 and plan.effective == own.effective else own


def write(run: RunDirectory, plan: Plan) -> None:
    """Put a plan in force for the next start of the trainer. Raises OSError."""
    write_json(path(run), asdict(plan))


def smaller(plan: Plan, preset: Preset, at: str) -> Plan | None:
    """The next smaller plan after running out of memory `at` a stage (evaluation, or anything else); None when nothing
    is left to make smaller, or it was tried often enough.
    """
    if plan.count >= MOST:
        return None
    if at == EVALUATION:
        now = plan.eval_batch or eval_batch(plan, preset)
        return None if now <= 1 else Plan(plan.per_device, plan.accumulation, now // 2, plan.count + 1)
    # The largest part that divides the effective batch and is at most half of what did not fit.
    part = next((b for b in range(plan.per_device // 2, 0, -1) if plan.effective % b == 0), None)
    if part is None:
        return None
    eval_size = min(plan.eval_batch or eval_batch(plan, preset), part)
    return Plan(part, plan.effective // part, eval_size, plan.count + 1)


def eval_batch(plan: Plan, preset: Preset) -> int:
    """Rows per evaluation batch under a plan."""
    wanted = preset.eval.per_device_eval_batch_size
    return plan.per_device if wanted == "auto" else wanted


def applied(preset: Preset, plan: Plan) -> Preset:
    """The preset with the batch sizes of a plan."""
    train = preset.train.model_copy(
        update={
            "per_device_train_batch_size": plan.per_device,
            "gradient_accumulation_steps": plan.accumulation,
        }
    )
    update: dict[str, Any] = {"train": train}
    if plan.eval_batch is not None:
        update["eval"] = preset.eval.model_copy(update={"per_device_eval_batch_size": plan.eval_batch})
    return preset.model_copy(update=update)


def words(old: Plan, new: Plan, preset: Preset) -> str:
    """'4 × 4 = 16 → 2 × 8 = 16', or what became of the evaluation batch."""
    if (old.per_device, old.accumulation) == (new.per_device, new.accumulation):
        before = old.eval_batch or eval_batch(old, preset)
        return f"evaluation batch {before} → {new.eval_batch}"
    return (
        f"{old.per_device} × {old.accumulation} = {old.effective} → "
        f"{new.per_device} × {new.accumulation} = {new.effective}"
    )
