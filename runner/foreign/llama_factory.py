"""trainer_log.jsonl, which LLaMA-Factory appends to at every log."""

from __future__ import annotations

from pathlib import Path

from runner.foreign.record_trace import RecordTrace
from runner.foreign.values import number
from runner.store.jsonl import LineTail, Record

NAME = "trainer_log.jsonl"
# Its names for what the Trainer calls otherwise; times are missing, and so are gradient norms.
KEYS = {"lr": "learning_rate", "total_tokens": "num_input_tokens_seen", "accuracy": "rewards/accuracies"}
# What every record has, the last one too.
PROGRESS = {"current_steps", "total_steps", "epoch", "percentage", "throughput", "total_tokens", "lr"}


def find(path: Path) -> LlamaFactoryLog | None:
    if path.is_dir():
        return LlamaFactoryLog(path / NAME) if (path / NAME).is_file() else None
    return LlamaFactoryLog(path) if path.name == NAME or _looks_like_one(path) else None


class LlamaFactoryLog(RecordTrace):
    """Follows trainer_log.jsonl."""

    kind = "LLaMA-Factory log"

    def take_record(self, record: Record) -> None:
        step = record.get("current_steps")
        if not isinstance(step, int) or step < 0:
            self.odd += 1
            return
        self.book.facts.set_total(record.get("total_steps"))
        logs = {KEYS.get(key, key): value for key, value in record.items()}
        if not any(number(value) is not None for key, value in record.items() if key not in PROGRESS):
            # The last one; its train_runtime is not among what is written.
            logs["train_runtime"] = 0.0
        self.book.add(step, logs)


def _looks_like_one(path: Path) -> bool:
    if path.suffix != ".jsonl":
        return False
    records = LineTail(path).read(1 << 16)
    return bool(records) and "current_steps" in records[0]
