"""What ftui knows of one other tool: what tells its configs, its defaults, and how a config of it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.preset.other_tools.said import ByValue, Keys

Settings = Mapping[str, Any]
"""Values of ours by 'section.key'."""


# Settings that tools built on transformers' TrainingArguments call as it does, and so does ftui.
TRAINING_ARGUMENTS = {
    f"train.{name}": name
    for name in (
        "num_train_epochs",
        "max_steps",
        "per_device_train_batch_size",
        "gradient_accumulation_steps",
        "learning_rate",
        "lr_scheduler_type",
        "weight_decay",
        "max_grad_norm",
        "optim",
    )
}


@dataclass(frozen=True)
class Tool:
    """`name` is what it is called on the command line, `title` in sentences. `marks` are keys that it alone has,
    divided by blanks.

    `defaults` has, by its own keys, what it takes where nothing is set; a function gets the settings known so far,
    and the config, and its docstring tells what it takes.
    `own` and `own_values` are the keys that mean something else here than in the other tools.

    `writes` says by which key it takes each of our settings, and `makes` returns the keys that stand for several of
    ours (`made_of`), or that have to be there; `lacks` those that it cannot
    express beside these settings. `start` is how a written config is started, with {file} in it.
    """

    name: str
    title: str
    marks: str
    suffix: str = ".yaml"
    defaults: Mapping[str, Any] = field(default_factory=dict)
    own: Keys = field(default_factory=dict)
    own_values: ByValue = field(default_factory=dict)
    writes: Mapping[str, str] = field(default_factory=dict)
    makes: Callable[[Settings], Mapping[str, Any]] = lambda settings: {}
    made_of: Mapping[str, str] = field(default_factory=dict)
    start: str = ""
    lacks: Callable[[Settings], frozenset[str]] = lambda settings: frozenset()

    @property
    def expresses(self) -> frozenset[str]:
        """The settings of ours that it can express."""
        return frozenset((*self.writes, *self.made_of))


def is_evaluated(settings: Settings) -> bool:
    """Whether any rows are held out."""
    named = settings["data.eval_dataset"] or settings["data.eval_split"]
    return bool(named) or settings["data.eval_fraction"] > 0


# `auto` spreads some evaluations over a run; in other tools a number below 1 is a share of all steps.
AUTO_STEPS = 0.1


def cadence(settings: Settings) -> dict[str, Any]:
    """When a Trainer evaluates and saves: at steps, where an evaluation is wanted at all."""
    eval_steps, save_steps = settings["eval.eval_steps"], settings["output.save_steps"]
    if not is_evaluated(settings):
        saving = {"save_steps": AUTO_STEPS if save_steps == "auto" else save_steps}
        return {"eval_strategy": "no", "save_strategy": "steps", **saving, "load_best_model_at_end": False}
    eval_steps = AUTO_STEPS if eval_steps == "auto" else eval_steps
    return {
        "eval_strategy": "steps",
        "eval_steps": eval_steps,
        "save_strategy": "steps",
        "save_steps": eval_steps if save_steps == "auto" else save_steps,
        "load_best_model_at_end": settings["output.load_best_model_at_end"],
    }


CADENCE = {
    "eval.eval_steps": "eval_steps",
    "output.save_steps": "save_steps",
    "output.load_best_model_at_end": "load_best_model_at_end",
}


def warmup(settings: Settings) -> dict[str, Any]:
    """Of two keys the one that is meant: a share of all steps, or a count."""
    steps = settings["train.warmup_steps"]
    return {"warmup_ratio": steps} if 0 < steps < 1 else {"warmup_steps": int(steps)}


def whole_warmup(settings: Settings) -> float:
    """One key for both: from 1 on a Trainer wants a whole number, and takes 1.0 for all steps."""
    steps: float = settings["train.warmup_steps"]
    return int(steps) if steps >= 1 or not steps else steps


def held_out_rows(settings: Settings) -> tuple[str, str] | None:
    """Data set and split of the held-out rows where they are named: a data set of their own, or the trained one."""
    dataset, split = settings["data.eval_dataset"], settings["data.eval_split"]
    trained_on = settings["data.train_dataset"]
    if dataset is None and split is not None and isinstance(trained_on, str):
        dataset = trained_on
    return None if dataset is None else (dataset, split or "train")


def precision(settings: Settings) -> dict[str, bool]:
    """The two switches of a Trainer; with `auto` bfloat16, as on every GPU since Ampere."""
    dtype = settings["model.dtype"]
    return {"bf16": dtype in ("auto", "bfloat16"), "fp16": dtype == "float16"}


def set_ones(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without those that are not set."""
    return {key: value for key, value in values.items() if value not in (None, "", [], {})}
