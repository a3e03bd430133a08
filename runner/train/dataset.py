"""From rows to what the trainer is given: the split, the train-probe, and a ledger of everything lost on the way."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

from datasets import Dataset

from runner.data.errors import DataError
from runner.data.row import Row
from runner.insight import split
from runner.insight.eval_budget import Counted, EvalPlan
from runner.preset.data_sources import data_sources
from runner.preset.schema import Preset
from runner.train.chat_template import RefusedRowError
from runner.train.divided_rows import Divided, read_divided
from runner.train.order import RowName
from runner.train.tokenise import RowRenderer, Tokenised, length_limit, tokenise_row

T = TypeVar("T")


@dataclass
class Ledger:
    """What became of the data: every row and token that is not trained on is counted somewhere here.

    A row is one sample, or one for each of its answers where it is unrolled: steps are made of the `train_samples`, and
    `ways` counts the rows by how their answers were had (conversation.py).
    """

    rows_read: int = 0
    formats: dict[str, int] = field(default_factory=dict)
    duplicate_rows: int = 0
    held_out_rows: int = 0
    mix_rows: int = 0
    general_rows: int = 0
    eval_rows_also_in_train: int = 0
    train_rows: int = 0
    train_samples: int = 0
    eval_rows: int = 0
    probe_rows: int = 0
    left_out_rows: int = 0
    ways: dict[str, int] = field(default_factory=dict)
    truncated_rows: int = 0
    tokens_lost: int = 0
    rows_without_trained_tokens: int = 0
    untrained_turns: int = 0
    tokens: int = 0
    trained_tokens: int = 0
    longest_row: int = 0
    fingerprint: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def trained_share(self) -> float:
        return self.trained_tokens / self.tokens if self.tokens else 0.0


LONGEST_BATCHES = 2


@dataclass(frozen=True)
class Data:
    """The data sets with columns input_ids and labels, a sample each; `evals` has val, train_probe and general as far
    as there are rows for them, and `eval_rows` says of each of their samples which row it is part of, counted from 0 in
    each set. `names` says of each training sample what it is made of; `learned` and `held_out` are the rows of both.
    """

    train: Dataset
    evals: dict[str, Dataset]
    ledger: Ledger
    eval_rows: Mapping[str, Sequence[int]] = field(default_factory=dict)
    names: Sequence[Sequence[RowName]] = ()
    learned: Sequence[Row] = ()
    held_out: Sequence[Row] = ()

    @property
    def longest_row(self) -> int:
        """Tokens of the longest row to train on, after cutting."""
        return _longest(self.train)

    @property
    def longest_eval_row(self) -> int:
        """Tokens of the longest row to evaluate on; 0 without any."""
        return max((_longest(rows) for rows in self.evals.values()), default=0)

    def longest(self, preset: Preset) -> Data:
        """Only the longest rows: two training batches, and one batch of each evaluation set."""
        batch = preset.train.per_device_train_batch_size
        eval_batch = preset.eval.per_device_eval_batch_size
        few = batch if eval_batch == "auto" else eval_batch
        evals = {name: _longest_rows(rows, few) for name, rows in self.evals.items() if name != "train_probe"}
        rows = _longest_rows(self.train, LONGEST_BATCHES * batch)
        each = {name: range(len(found)) for name, found in evals.items()}
        return Data(rows, evals, self.ledger, each, [()] * len(rows))

    def thinned(self, plan: EvalPlan, seed: int) -> Data:
        """With as many rows in each evaluation set as are planned for, drawn with the seed, all samples of each."""
        wanted = {"val": plan.rows, "train_probe": plan.probe_rows, "general": plan.general_rows}
        evals, eval_rows = {}, {}
        for name, samples in self.evals.items():
            of = self.eval_rows[name]
            chosen = {row: place for place, row in enumerate(split.sample(of[-1] + 1, wanted[name], seed))}
            kept = [place for place, row in enumerate(of) if row in chosen]
            evals[name] = samples.select(kept)
            eval_rows[name] = [chosen[of[place]] for place in kept]
        self.ledger.probe_rows = _rows_in(eval_rows.get("train_probe", ()))
        return replace(self, evals=evals, eval_rows=eval_rows)

    @property
    def fingerprints(self) -> dict[str, str]:
        """Names what each evaluation set holds: equal for sets whose losses can be compared row by row."""
        return {name: _same_rows(rows) for name, rows in self.evals.items()}

    @property
    def counted(self) -> Counted:
        """What the evaluations are planned by."""
        ledger = self.ledger
        return Counted(
            ledger.train_samples,
            ledger.eval_rows,
            ledger.general_rows,
            ledger.tokens / ledger.train_samples,
            ledger.trained_tokens / ledger.train_samples,
            ledger.train_samples / ledger.train_rows,
        )


def build(preset: Preset, renderer: RowRenderer) -> Data:
    """Read, split, blend, tokenise. Raises TrainingError when nothing is left to learn from, or at a row that cannot be
    used, unless such rows are to be left out.
    """
    made = _Tokeniser(preset, renderer)
    divided = read_divided(preset, made.takes if preset.data.on_bad_rows == "skip" else None)
    ledger = _ledger(divided)
    learn = _learned(preset, made, divided.train, ledger)
    check = _with_labels(made.rows(divided.held_out))
    broad = _with_labels(made.rows(divided.general))
    ledger.train_rows, ledger.eval_rows, ledger.general_rows = len(learn), len(check), len(broad)
    samples = [sample for row in learn for sample in row]
    ledger.train_samples = len(samples)
    sets = {}
    if check:
        sets["val"] = check
        if preset.eval.train_probe:
            sets["train_probe"] = _sample(learn, len(check), preset.train.seed)
    if broad:
        sets["general"] = broad
    return Data(
        _dataset(samples),
        {name: _dataset([sample for row in rows for sample in row]) for name, rows in sets.items()},
        ledger,
        {name: [place for place, row in enumerate(rows) for _ in row] for name, rows in sets.items()},
        [[(one.row.source, one.row.number)] for one in samples],
        [row[0].row for row in learn],
        [row[0].row for row in check],
    )


Samples = list[Tokenised]


class _Tokeniser:
    """Rows to their samples; one that is refused is named with its file."""

    def __init__(self, preset: Preset, renderer: RowRenderer) -> None:
        self._preset, self._renderer = preset, renderer
        self._places = {source.number: source.dataset for source in data_sources(preset.data)}

    def takes(self, row: Row) -> bool:
        """Whether template and tokenizer take a row."""
        try:
            return bool(self._renderer.render(row))
        except RefusedRowError:
            return False

    def rows(self, rows: Iterable[Row]) -> list[Samples]:
        """The samples of each row. Raises DataError naming the first row that is refused."""
        found = []
        for row in rows:
            try:
                found.append(tokenise_row(self._renderer, row, length_limit(self._preset)))
            except RefusedRowError as error:
                place = self._places.get(row.source, "the data")
                raise DataError(f"{place}, row {row.number}: {error.message}.", error.hint) from error
        return found

    def untrained_turns(self, row: Row) -> int:
        return self._renderer.untrained_turns(row)


def _with_labels(rows: list[Samples]) -> list[Samples]:
    """The samples something is learned from, of the rows that have any."""
    return [kept for samples in rows if (kept := [one for one in samples if one.trained])]


def _ledger(divided: Divided) -> Ledger:
    """What is known of the rows before any is tokenised."""
    own, division = divided.own, divided.division
    return Ledger(
        rows_read=len(own) + sum(divided.left_out.get(name, 0) for name in divided.own_names),
        formats=dict(Counter(row.format.value for row in own)),
        duplicate_rows=len(own) - len({row.key for row in own}),
        held_out_rows=division.held_out,
        mix_rows=sum(len(rows) for rows in divided.mixed),
        eval_rows_also_in_train=len(division.overlap),
        left_out_rows=sum(divided.left_out.values()),
        fingerprint=_fingerprint(own),
    )


def _learned(preset: Preset, made: _Tokeniser, rows: list[Row], ledger: Ledger) -> list[Samples]:
    """The rows to learn from, with what is lost of them counted."""
    every = made.rows(rows)
    learn = _with_labels(every)
    samples = [one for row in every for one in row]
    ledger.rows_without_trained_tokens = len(every) - len(learn)
    ledger.truncated_rows = sum(any(one.lost for one in row) for row in every)
    ledger.tokens_lost = sum(one.lost for one in samples)
    ledger.untrained_turns = sum(made.untrained_turns(row[0].row) for row in every if row)
    ledger.ways = dict(Counter(row[0].way.value for row in every if row and row[0].row.messages))
    ledger.tokens = sum(len(one.input_ids) for row in learn for one in row)
    ledger.trained_tokens = sum(one.trained for row in learn for one in row)
    ledger.longest_row = max((one.full_length for one in samples), default=0)
    if not learn:
        raise DataError(
            f"None of the {len(every)} training rows has a token to learn from.",
            f"Answers may all lie beyond train.max_length ({preset.train.max_length}), or be empty.",
        )
    return learn


def _dataset(rows: Sequence[Tokenised]) -> Dataset:
    return Dataset.from_dict({"input_ids": [t.input_ids for t in rows], "labels": [t.labels for t in rows]})


def _same_rows(rows: Dataset) -> str:
    """Equal for sets whose losses can be compared row by row: the same tokens and labels in the same order."""
    return fingerprint_of((row["input_ids"], row["labels"]) for row in rows)


def fingerprint_of(values: Iterable[object]) -> str:
    """Equal for equal plain values in the same order."""
    digest = hashlib.sha256()
    for value in values:
        digest.update(repr(value).encode())
    return digest.hexdigest()[:16]


def _rows_in(eval_rows: Sequence[int]) -> int:
    """How many rows the samples of a set are of."""
    return eval_rows[-1] + 1 if len(eval_rows) else 0


def _longest(rows: Dataset) -> int:
    return max((len(ids) for ids in rows["input_ids"]), default=0)


def _longest_rows(rows: Dataset, count: int) -> Dataset:
    """The `count` longest rows, repeated when there are fewer."""
    order = sorted(range(len(rows)), key=lambda place: -len(rows[place]["input_ids"]))
    return rows.select([order[i % len(order)] for i in range(count)])


def _sample(rows: list[T], most: int, seed: int) -> list[T]:
    """At most so many rows, drawn with the seed, in their old order."""
    return [rows[i] for i in split.sample(len(rows), most, seed)]


def _fingerprint(rows: Sequence[Row]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(row.key.encode())
    return digest.hexdigest()[:16]
