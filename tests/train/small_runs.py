"""Small real runs in this process, with what the trainer was given at each step captured."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from runner.data import sources
from runner.data.row import Row
from runner.preset.data_sources import DataSource
from runner.preset.schema import Preset
from runner.store.directory import RunDirectory
from runner.store.events import EventLog
from runner.store.jsonl import LineTail, Record
from runner.train import dataset, demo_text
from runner.train.__main__ import train
from runner.train.dataset import Data
from runner.train.hub import hub_rows
from runner.train.stop_flag import StopFlag
from runner.train.tokenise import RowRenderer, Tokenised, tokenise_row
from runner.train.tokenizer import load_tokenizer
from runner.train.trainer import RunTrainer
from tests.train.conftest import prepared

SILENT = ("eval.sample_max_new_tokens=0", "output.save_steps=1000", "train.gradient_accumulation_steps=1")
UNEVALUATED = (*SILENT, "data.eval_dataset=null", "data.eval_fraction=0")

# {step: the token ids of its rows, in the order they were given}
Seen = dict[int, list[list[int]]]


def built(preset: Preset, tokenizer: Any = None) -> Data:
    """The data of a preset as the trainer has them."""
    return dataset.build(preset, RowRenderer.of(preset, tokenizer or load_tokenizer(preset)))


def read_rows(source: DataSource) -> list[Row]:
    """The rows of a source as the trainer reads them."""
    return sources.read_rows(source, hub_rows)[0]


def tokenise(renderer: RowRenderer, rows: Sequence[Row], limit: int) -> list[Tokenised]:
    """The samples of these rows, one behind the other."""
    return [sample for row in rows for sample in tokenise_row(renderer, row, limit)]


def file_source(path: Path | str) -> DataSource:
    """A local file as a source of training rows."""
    return DataSource("train", "data.train_dataset", str(path))


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def chat(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def known_text(seed: int, count: int) -> list[dict[str, Any]]:
    """Plain text of the kind the demo's model was pretrained on: its loss before training is low."""
    return [{"text": text} for text in islice(demo_text.pretraining_text(seed), count)]


def run_of(folder: Path, *overrides: str) -> RunDirectory:
    """Train the demo with settings changed."""
    run, preset = prepared(folder, *overrides)
    log = EventLog(run)
    try:
        train(preset, run, log, StopFlag(run, log))
    finally:
        log.close()
    return run


def watched_run(folder: Path, *overrides: str) -> tuple[RunDirectory, Seen]:
    """The same, and the rows that went into the model at each optimizer step, padding left out."""
    seen: Seen = {}
    stock = RunTrainer.training_step

    def training_step(self: Any, model: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
        seen.setdefault(self.state.global_step + 1, []).extend(rows_in(inputs))
        return stock(self, model, inputs, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunTrainer, "training_step", training_step)
        run = run_of(folder, *overrides)
    return run, seen


def rows_in(inputs: dict[str, Any]) -> list[list[int]]:
    """The rows of a batch: padded ones, or those of one padding-free sequence."""
    ids = inputs["input_ids"].tolist()
    if "attention_mask" in inputs:
        masks = inputs["attention_mask"].tolist()
        return [
            [token for token, kept in zip(row, mask, strict=True) if kept]
            for row, mask in zip(ids, masks, strict=True)
        ]
    (flat,), (positions,) = ids, inputs["position_ids"].tolist()
    rows: list[list[int]] = []
    for token, position in zip(flat, positions, strict=True):
        if position == 0:
            rows.append([])
        rows[-1].append(token)
    return rows


def recorded(run: RunDirectory) -> dict[int, list[tuple[int, int]]]:
    """rows.jsonl as {step: [(source, row), …]}."""
    lines = [json.loads(line) for line in run.rows.read_text().splitlines()]
    assert len({line["step"] for line in lines}) == len(lines)
    return {line["step"]: [(source, row) for source, row in line["rows"]] for line in lines}


def events(run: RunDirectory, kind: str) -> list[Record]:
    return [event for event in LineTail(run.events).read_all() if event["type"] == kind]


def words(texts: Sequence[str]) -> str:
    """A list of texts as the value of --set."""
    return json.dumps(list(texts))
