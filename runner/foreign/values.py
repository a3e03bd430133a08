"""What the values of a log mean: the train step's own, what is measured beside its loss, and evaluations by set.

All of it under the names of a Hugging Face Trainer, which names.py translates to.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from runner.insight.train_curve import LOGGED_AS

# The columns of a step; the others of a train log are metrics.
STEP_KEYS = {*LOGGED_AS, "epoch", "num_tokens", "num_input_tokens_seen"}
# Counters, clocks and sizes, which say nothing about learning.
PLUMBING = re.compile(
    r"(train_|.*_)?(runtime|samples_per_second|steps_per_second|tokens_per_second(_per_gpu)?|total_flos)"
    r"|train_loss|step|steps|global_step|current_steps|total_steps|iter|iteration|total_tokens|throughput|percentage"
    r"|(peak_)?memory.*|train_speed.*|(elapsed|remaining|step)_time.*|step_time|perf/.*|timing_.*|global_seqlen/.*"
    r"|profiling/.*|it/sec|tokens/sec|tokens/s(/.*)?|tps|tflops?(/.*)?|seconds|iter_time|completed_step|rank"
    r"|peak_mem|max_mem|model_preparation_time|jit_compilation_time|num_tokens|mfu|time|v_num"
)
EVAL_LOSS = re.compile(r"eval_(?:(?P<set>.+)_)?loss")
_RUNTIME = re.compile(r"eval_(?:(?P<set>.+)_)?runtime")
# A Trainer's predict() logs under the names of its own sets.
_OTHER_SETS = ("test_", "predict_")


def number(value: object) -> float | None:
    """A value of a log as a number; None for what is none. Trainers print numbers as strings, `nan` among them."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    """What in a log is a number. Of a training's last summary only its duration: the means over the whole run in it are
    no values of a step.
    """
    values = {
        f"eval_{key}" if key.startswith(_OTHER_SETS) else key: found
        for key, value in logs.items()
        if (found := number(value)) is not None
    }
    if "train_runtime" in values and "loss" not in values:
        return {"train_runtime": values["train_runtime"]}
    return values


@lru_cache(maxsize=4096)
def _is_metric(key: str) -> bool:
    return not key.startswith("eval_") and key not in STEP_KEYS and not PLUMBING.fullmatch(key)


def train_metrics(values: Mapping[str, float]) -> dict[str, float]:
    """What was measured beside the loss of a step."""
    return {key: value for key, value in values.items() if _is_metric(key)}


@dataclass
class Evaluation:
    """One evaluation of a set, `` for the only one: its loss, where it has one, and its metrics by name."""

    name: str
    loss: float | None = None
    n: int | None = None
    seconds: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)


def evaluations(values: Mapping[str, float], known: Iterable[str] = ()) -> list[Evaluation]:
    """The evaluations in a step's values; `known` are the sets seen so far.

    Metrics may be called eval_kl_loss and the like: where durations stand beside them, a set is known by its own.
    """
    if not any(key.startswith("eval_") for key in values):
        return []
    found = {name: Evaluation(name) for name in _sets(values)}
    # Where sets have names, a metric without one is the first's.
    home = next(iter(found), "") if "" not in found else ""
    names = sorted({*found, *known} - {""}, key=len, reverse=True)
    for key, value in values.items():
        if not key.startswith("eval_"):
            continue
        name = next((name for name in names if key.startswith(f"eval_{name}_")), None)
        metric = key.removeprefix(f"eval_{name}_" if name else "eval_")
        name = home if name is None else name
        if metric == "loss":
            found.setdefault(name, Evaluation(name)).loss = value
        elif not PLUMBING.fullmatch(metric):
            found.setdefault(name, Evaluation(name)).metrics[metric] = value
    for name, one in found.items():
        _measure(one, values, f"eval_{name}_" if name else "eval_")
    return [one for one in found.values() if one.loss is not None or one.metrics]


def _sets(values: Mapping[str, float]) -> list[str]:
    timed = [match["set"] or "" for key in values if (match := _RUNTIME.fullmatch(key))]
    if timed:
        return timed
    named = [match["set"] or "" for key in values if (match := EVAL_LOSS.fullmatch(key))]
    return [""] if "" in named else named


def _measure(one: Evaluation, values: Mapping[str, float], prefix: str) -> None:
    seconds, rate = (values.get(prefix + key, math.nan) for key in ("runtime", "samples_per_second"))
    if math.isfinite(seconds):
        one.seconds = seconds
    if math.isfinite(seconds * rate):
        one.n = round(seconds * rate)
