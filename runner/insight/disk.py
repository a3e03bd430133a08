"""What a run writes: checkpoints, the weights it keeps, its records. In bytes, from the same terms as its memory."""

from __future__ import annotations

from dataclasses import dataclass

from runner.insight.batch import BatchPlan
from runner.insight.eval_budget import EvalPlan
from runner.insight.figures import size
from runner.insight.memory.inputs import MemoryInputs
from runner.insight.memory.terms import adapter, optimizer_bytes
from runner.preset.schema import Preset

MIB = 1 << 20
# tokenizer.json of Qwen 3 has 75 bytes a token, of Llama 3 134.
TOKENIZER_BYTES = 120
# A step in trainer_state.json, which every checkpoint has whole; one in events.jsonl with its share of the console.
STATE_STEP_BYTES = 300
EVENT_STEP_BYTES = 320
# One number of a row in rows.jsonl, or of its loss at an evaluation.
ROW_BYTES = 12
# Random states, the model's card and configuration, a second of system.jsonl times some hours.
SMALL_BYTES = 16 * MIB


@dataclass(frozen=True)
class DiskNeed:
    """Bytes a run writes at most. `count` checkpoints are on disk at once, each of `checkpoint` bytes."""

    checkpoint: float
    count: int
    final: float
    records: float

    @property
    def total(self) -> float:
        return self.count * self.checkpoint + self.final + self.records

    @property
    def words(self) -> str:
        """'5 checkpoints × 340 MiB + 120 MiB at the end'."""
        return f"{self.count} checkpoints × {size(self.checkpoint)} + {size(self.final + self.records)} at the end"


def disk_need(preset: Preset, setup: MemoryInputs, plan: BatchPlan, evaluations: EvalPlan) -> DiskNeed:
    """What a preset's run will hold on disk.

    The trainer deletes an old checkpoint only after it has written a new one, and keeps the best one beside the last
    `output.save_total_limit`: two more than that limit can be there at once.
    """
    saves = evaluations.saves + 1
    weights = setup.trainable * setup.weight_bytes if setup.trains_all else adapter(setup)
    tokenizer = setup.architecture.vocabulary * TOKENIZER_BYTES
    state = plan.total_steps * STATE_STEP_BYTES
    checkpoint = weights + setup.trainable * optimizer_bytes(setup) + tokenizer + state
    rows = plan.total_steps * plan.effective_batch + evaluations.row_losses
    records = plan.total_steps * EVENT_STEP_BYTES + rows * ROW_BYTES + SMALL_BYTES
    return DiskNeed(
        checkpoint, min(saves, preset.output.save_total_limit + 2), weights + tokenizer, float(records)
    )
