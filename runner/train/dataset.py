"""From rows to what the trainer is given: the split, the train-probe, and a ledger of everything lost on the way."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

from datasets import Dataset

from runner.insight import split
from runner.insight.eval_budget import Counted, EvalPlan
from runner.preset.data_sources import TRAIN
from runner.preset.schema import Preset
from runner.train.divided_rows import Divided, read_divided
from runner.train.order import RowName
from runner.train.rows import Row
from runner.train.sources import DataError
from runner.train.tokenise import Tokenised, length_limit, tokenise

T = TypeVar("T")


@dataclass
class Ledger:
    """What became of the data: every row and token that is not trained on is counted somewhere here."""

    rows_read: int = 0
    formats: dict[str, int] = field(default_factory=dict)
    duplicate_rows: int = 0
    held_out_rows: int = 0
    mix_rows: int = 0
    general_rows: int = 0
    eval_rows_also_in_train: int = 0
    train_rows: int = 0
    eval_rows: int = 0
    probe_rows: int = 0
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
    """The data sets with columns input_ids and labels; `evals` has val, train_probe and general as far as there
    are rows for them. `names` says of each training row what it is made of; `learned` and `held_out` are the rows
    behind them."""

    train: Dataset
    evals: dict[str, Dataset]
    ledger: Ledger
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
        return Data(rows, evals, self.ledger, [()] * len(rows))

    def thinned(self, plan: EvalPlan, seed: int) -> Data:
        """With as many rows in each evaluation set as are planned for, drawn with the seed."""
        wanted = {"val": plan.rows, "train_probe": plan.probe_rows, "general": plan.general_rows}
        evals = {
            name: rows.select(list(split.sample(len(rows), wanted[name], seed)))
            for name, rows in self.evals.items()
        }
        self.ledger.probe_rows = len(evals.get("train_probe", ()))
        return replace(self, evals=evals)

    @property
    def fingerprints(self) -> dict[str, str]:
        """Names what each evaluation set holds: equal for sets whose losses can be compared row by row."""
        return {name: _same_rows(rows) for name, rows in self.evals.items()}

    @property
    def counted(self) -> Counted:
        """What the evaluations are planned by."""
        ledger = self.ledger
        return Counted(
            ledger.train_rows,
            ledger.eval_rows,
            ledger.general_rows,
            ledger.tokens / ledger.train_rows,
            ledger.trained_tokens / ledger.train_rows,
        )


def build(preset: Preset, tokenizer: Any) -> Data:
    """Read, split, blend, tokenise. Raises TrainingError when nothing is left to learn from."""
    divided = read_divided(preset)
    ledger = _ledger(divided)
    learn = _tokenised(preset, tokenizer, divided.train, ledger)
    check = [t for t in _tokenise(preset, tokenizer, divided.held_out) if t.trained]
    broad = [t for t in _tokenise(preset, tokenizer, divided.general) if t.trained]
    ledger.train_rows, ledger.eval_rows, ledger.general_rows = len(learn), len(check), len(broad)
    evals = {}
    if check:
        evals["val"] = _dataset(check)
        if preset.eval.train_probe:
            evals["train_probe"] = _dataset(_sample(learn, len(check), preset.train.seed))
    if broad:
        evals["general"] = _dataset(broad)
    return Data(
        _dataset(learn),
        evals,
        ledger,
        [[(t.row.source, t.row.number)] for t in learn],
        [t.row for t in learn],
        [t.row for t in check],
    )


def _ledger(divided: Divided) -> Ledger:
    """What is known of the rows before any is tokenised."""
    own, division = divided.rows[TRAIN], divided.division
    return Ledger(
        rows_read=len(own),
        formats=dict(Counter(row.format.value for row in own)),
        duplicate_rows=len(own) - len({row.key for row in own}),
        held_out_rows=division.held_out,
        mix_rows=sum(len(rows) for rows in divided.mixed),
        eval_rows_also_in_train=len(division.overlap),
        fingerprint=_fingerprint(own),
    )


def _tokenised(preset: Preset, tokenizer: Any, rows: list[Row], ledger: Ledger) -> list[Tokenised]:
    """The rows to learn from, with what is lost of them counted."""
    every = _tokenise(preset, tokenizer, rows)
    learn = [t for t in every if t.trained]
    ledger.rows_without_trained_tokens = len(every) - len(learn)
    ledger.truncated_rows = sum(t.lost > 0 for t in every)
    ledger.tokens_lost = sum(t.lost for t in every)
    ledger.untrained_turns = sum(t.untrained_turns for t in every)
    ledger.tokens = sum(len(t.input_ids) for t in learn)
    ledger.trained_tokens = sum(t.trained for t in learn)
    ledger.longest_row = max((t.full_length for t in every), default=0)
    if not learn:
        raise DataError(
            f"None of the {len(every)} training rows has a token to learn from.",
            f"Answers may all lie beyond train.max_length ({preset.train.max_length}), or be empty.",
        )
    return learn


def _tokenise(preset: Preset, tokenizer: Any, rows: list[Row]) -> list[Tokenised]:
    return tokenise(tokenizer, rows, length_limit(preset), preset.train.assistant_only_loss)


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
