"""What is said of a key or a value that other tools know and ftui does not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from runner.preset.other_tools import data_keys, lora_keys, model_keys, run_keys, train_keys
from runner.preset.other_tools.data_keys import ENTRY, ENTRY_ITSELF
from runner.preset.other_tools.said import Said
from runner.preset.other_tools.values import INSTEAD, LISTS, SHARES

_THEMES = (model_keys, lora_keys, train_keys, data_keys, run_keys)
# Whole sections of other tools, and the section here that most of their keys are in.
SECTIONS_ELSEWHERE: Mapping[str, str] = {
    theirs: ours
    for ours, names in {
        "model": "model_args model_arguments model_config base_model model_init_kwargs model_kwargs",
        "quantization": "quantization_config bnb_config bnb_config_kwargs bitsandbytes",
        "lora": "lora_config peft_config peft peft_args lora_args adapter",
        "train": "training training_args training_arguments train_args trainer sft sft_config trainer_args "
        "hyperparameters optimization",
        "data": "data_args dataset data_arguments dataset_args datasets",
        "eval": "evaluation eval_args",
        "output": "checkpoint checkpoints checkpointing",
        "report": "logging wandb tracking",
    }.items()
    for theirs in names.split()
}


@cache
def keys() -> Mapping[str, Said]:
    """Every known name, 'lora_rank' or 'eval.batch_size', with what is said of it."""
    return {name: said for theme in _THEMES for names, said in theme.KEYS.items() for name in names.split()}


@cache
def by_value() -> Mapping[tuple[str, str], Said]:
    """(name, value) of those keys that are answered otherwise for a value; the first that says it goes."""
    found: dict[tuple[str, str], Said] = {}
    for theme in _THEMES:
        for names, answers in theme.BY_VALUE.items():
            for name in names.split():
                for value, said in answers.items():
                    found.setdefault((name, value), said)
    return found


def answer(section: str, key: str, value: Any) -> Said | None:
    """What is said of `key` in `section` ('' for none), which may depend on its value; None for an unknown key."""
    plain = as_written(key)
    for name in (f"{section}.{plain}", plain):
        if (said := keys().get(name)) is not None:
            return by_value().get((name, text_of(value)), said)
    return None


def answer_in_entry(key: str, value: Any, listed: str, known: Collection[str]) -> str:
    """What is said of a key in an entry of a list of data sets; '' for an unknown one.

    `listed` is the setting that the list is meant for, 'data.train_dataset', and `known` are the keys its entries have:
    none where it takes one data set.
    """
    plain = as_written(key)
    for names, (here, without_entries) in ENTRY.items():
        if plain not in names.split():
            continue
        if not known:
            return f"It is called {without_entries.get(listed) or without_entries['']} here."
        ours = next((name for name in here if name in known), None)
        return f"It is called {ours} here." if ours else "It has no counterpart in an entry."
    for names, said in ENTRY_ITSELF.items():
        if plain in names.split():
            return _capital(said.sentence)
    of_key = answer("data", plain, value)
    return "" if of_key is None else _capital(of_key.sentence)


def instead(name: str, value: Any) -> str:
    """'write adamw_8bit, …' for a value that setting `name` does not take and other tools do; '' for all others."""
    text = text_of(value)
    for values, ours in INSTEAD.get(name, {}).items():
        if text in values.split():
            return f"write {ours}"
    if name in LISTS and isinstance(value, str):
        return f"write a list: [{', '.join(part.strip() for part in value.split(','))}]"
    if name in SHARES and isinstance(value, float):
        return f"write {SHARES[name]}"
    return ""


def as_written(key: str) -> str:
    """A key as tables have it: `--max-seq-length` is max_seq_length."""
    return key.strip().lstrip("-").replace("-", "_").lower()


def text_of(value: Any) -> str:
    """A value as tables have it: 'true', 'null', '4', 'qlora'."""
    if value is None:
        return "null"
    return str(value).strip().lower()


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
