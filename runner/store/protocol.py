"""What of a record is protocol, and what is text for people.

Programs go on by the first: it is written as it is, whatever words are secret on this machine. The second is written
without secrets. What stands in no list here is text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from runner.redaction.blotting import redacted

# Fields whose words, or lists of words, programs go on by.
WORDS = frozenset({
    # events.jsonl
    "type", "run", "phase", "status", "id", "set", "at", "class", "path", "saved", "key",
    "method", "device", "dtype", "lr_scheduler_type", "fingerprint",
    # state.json
    "verdict", "answers",
    # run.json, and a ticket of the queue
    "preset", "preset_path", "engine", "trainer", "host", "boot", "python", "driver", "git_commit", "gpu", "uuid",
    "slice",
    # memory.json
    "model_type", "stack", "allocator",
    # report.json of the X-ray, and the names of GPUs
    "name", "place", "columns",
})  # fmt: skip
# Fields that hold such words by names of their own: {torch: 2.13.0}.
NAMED_WORDS = frozenset({"versions", "eval_fingerprints"})


def as_written(value: Any, field: str = "") -> Any:
    """A value of this field as JSON that may be kept: numbers that JSON lacks as words, texts without secrets. Keys and
    numbers stay.
    """
    if isinstance(value, str):
        return value if field in WORDS else redacted(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else _word(value)
    if isinstance(value, Mapping):
        if field in NAMED_WORDS:
            return dict(value)
        return {key: as_written(item, key) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_written(item, field) for item in value]
    return value


def _word(value: float) -> str:
    """What JSON lacks; `float()` reads all of them back."""
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
