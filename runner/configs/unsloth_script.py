"""The script that trains with Unsloth: calls with every setting as a literal argument."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runner.preset.other_tools.sources import builder, own_sources
from runner.preset.other_tools.tool import Settings, held_out_rows

# The values that are no literals.
_DTYPES = ("torch.bfloat16", "torch.float16", "torch.float32")


def script_of(values: Mapping[str, Any], settings: Settings) -> str:
    """The script; `values` are arguments by 'call.argument'."""
    return "\n".join(_lines(values, settings)) + "\n"


def _lines(values: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    yield "# Unsloth comes first: it changes the packages below when it is imported."
    yield "from unsloth import FastLanguageModel"
    yield ""
    yield "import torch"
    yield "from datasets import concatenate_datasets, load_dataset"
    yield "from trl import SFTConfig, SFTTrainer"
    yield ""
    yield "model, tokenizer = FastLanguageModel.from_pretrained("
    yield from _arguments(values, "from_pretrained")
    yield ")"
    if settings["lora.use_peft"]:
        yield "model = FastLanguageModel.get_peft_model("
        yield "    model,"
        yield from _arguments(values, "get_peft_model")
        yield ")"
    yield from _rows(values, settings)
    yield "trainer = SFTTrainer("
    yield "    model=model,"
    yield "    processing_class=tokenizer,"
    yield "    train_dataset=train_dataset,"
    yield "    eval_dataset=eval_dataset,"
    yield "    args=SFTConfig("
    yield from (f"    {line}" for line in _arguments(values, "SFTConfig"))
    yield "    ),"
    yield ")"
    yield "trainer.train()"
    yield 'model.save_pretrained("outputs/final")'
    yield 'tokenizer.save_pretrained("outputs/final")'


def _arguments(values: Mapping[str, Any], call: str) -> Iterator[str]:
    for name, value in values.items():
        if name.startswith(f"{call}."):
            yield f"    {name.removeprefix(f'{call}.')}={_literal(value)},"


def _literal(value: Any) -> str:
    return value if value in _DTYPES else repr(value)


def _rows(values: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    sources = [_load(source) for source in own_sources(settings)]
    if len(sources) == 1:
        yield f"train_dataset = {sources[0]}"
    else:
        yield "train_dataset = concatenate_datasets(["
        yield from (f"    {source}," for source in sources)
        yield "])"
    held_out = held_out_rows(settings)
    if held_out is not None:
        dataset, split = held_out
        yield f"eval_dataset = {_load({'dataset': dataset, 'split': split, 'dataset_config_name': None})}"
    elif "train_test_split.test_size" in values:
        yield "split_rows = train_dataset.train_test_split("
        yield from _arguments(values, "train_test_split")
        yield ")"
        yield 'train_dataset, eval_dataset = split_rows["train"], split_rows["test"]'
    else:
        yield "eval_dataset = None"


def _load(source: Mapping[str, Any]) -> str:
    dataset, split, kind = source["dataset"], source["split"], builder(source["dataset"])
    if kind:
        return f"load_dataset({kind!r}, data_files={dataset!r}, split={split!r})"
    config = source["dataset_config_name"]
    name = f", name={config!r}" if config else ""
    return f"load_dataset({dataset!r}{name}, split={split!r})"
