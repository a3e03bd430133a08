"""The X-ray's bookkeeping: rows go in one at a time, a DataReport comes out at any moment.

A row leaves 24 bytes behind, so a million rows take 24 MB. Every count is made from keys and lengths alone; what is
split off and mixed in is decided where it is for the trainer (runner/insight/division.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.insight.data import MOST_NOTES, DataReport, Defects, Note
from runner.insight.division import Places, divide
from runner.preset.data_sources import EVAL, TRAIN
from runner.preset.schema import Preset
from runner.train.columns import DefectList, Mask, OneRow, Rows, SourceRows
from runner.train.rows import Row
from runner.train.sources import BadRow
from runner.train.tokenise import IGNORED, Rendered, length_limit


class Examination:
    """Everything seen so far of the data of a preset."""

    def __init__(self, preset: Preset, tokenizer: Any, key: str) -> None:
        self._preset = preset
        self._key = key
        self._limit = length_limit(preset)
        self._bos = tokenizer.bos_token_id
        self._eos = tokenizer.eos_token_id
        self._ends = {tokenizer.convert_tokens_to_ids(token) for token in tokenizer.all_special_tokens}
        self._pad_is_eos = tokenizer.pad_token_id is not None and tokenizer.pad_token_id == self._eos
        self._end_untrained = DefectList()
        self._doubled_bos = DefectList()
        self._ended_by: Counter[bool] = Counter()
        self.sources: dict[str, SourceRows] = {}

    def source(self, name: str, place: str, expected: int | None) -> SourceRows:
        """Begin a source: train, eval, general, or mix 1, mix 2 …"""
        return self.sources.setdefault(name, SourceRows(name, place, expected))

    def add(self, source: SourceRows, row: Row | BadRow, rendered: Rendered | None) -> None:
        """Count one row; `rendered` is what the model would read of it (None for a row that cannot be used)."""
        source.read += 1
        if isinstance(row, BadRow) or rendered is None:
            reason = row.reason if isinstance(row, BadRow) else "cannot be rendered"
            line = f"line {row.line}: " if isinstance(row, BadRow) and row.line is not None else ""
            source.bad.add(row.number, line + reason)
            return
        labels = rendered.labels
        learned = [place for place, label in enumerate(labels) if label != IGNORED and place]
        kept = sum(place < self._limit for place in learned)
        source.formats[row.format.value] += 1
        source.numbers.append(row.number)
        source.keys.append(row.short_key)
        source.lengths.append(len(labels))
        source.trained.append(kept)
        source.untrained_turns.append(rendered.untrained_turns)
        if source.name != TRAIN:
            return
        if rendered.input_ids[:2] == [self._bos, self._bos] and self._bos is not None:
            self._doubled_bos.add(row.number, "begins with two BOS tokens")
        if learned:
            last = labels[learned[-1]]
            self._ended_by[last == self._eos] += 1
            if last not in self._ends:
                self._end_untrained.add(
                    row.number, "its last learned token ends no turn: the model learns to go on"
                )

    def report(self, complete: bool, sampled: bool = False, seconds: float = 0.0) -> DataReport:
        """The state of things."""
        sets = self._sets()
        train, held = sets.train, sets.evaluated
        own = self.sources[TRAIN]
        most = self._preset.data.max_train_samples
        expected = min(own.expected or own.read, most or 1 << 62)
        drawn = min(own.read, most or 1 << 62)
        scale = 1.0 if complete or not drawn else max(1.0, expected / drawn)
        learn = [one.only(one.trained > 0) for one in train]
        longest = [np.minimum(one.lengths, self._limit) for one in learn]
        cut = [(one, one.lengths > self._limit) for one in train]
        empty = [source for source in self.sources.values() if complete and not source.read]
        return DataReport(
            key=self._key,
            complete=complete,
            sampled=sampled,
            max_length=self._preset.train.max_length,
            sources=tuple(source.frozen() for source in self.sources.values()),
            train_rows=round(scale * sum(len(one.lengths) for one in learn)),
            eval_rows=int((held.trained > 0).sum()),
            general_rows=int((sets.general.trained > 0).sum()),
            mix_rows=sum(len(one.lengths) for one in train[1:]),
            held_out_rows=sets.held_out,
            lengths=_counts([one.lengths for one in learn]),
            eval_lengths=_counts([held.only(held.trained > 0).lengths]),
            tokens=sum(int(lengths.sum()) for lengths in longest),
            trained_tokens=sum(int(one.trained.sum()) for one in learn),
            tokens_lost=sum(int((one.lengths[where] - self._limit).sum()) for one, where in cut),
            truncated=_notes(cut, lambda row: f"{row.length} tokens, {row.length - self._limit} of them cut"),
            untrained=_notes([(one, one.trained == 0) for one in train], self._why_untrained),
            untrained_turns=sum(int(one.untrained_turns.sum()) for one in train),
            duplicates=sets.duplicates,
            overlap=sets.overlap,
            end_untrained=self._end_untrained.frozen(),
            doubled_bos=self._doubled_bos.frozen(),
            pad_is_eos=self._pad_is_eos,
            ends_with_eos=self._ended_by[True] >= self._ended_by[False],
            seconds=round(seconds, 2),
            problem=f"{empty[0].place} has no rows." if empty else "",
            hint=f"It is the preset's source of rows for: {empty[0].name}." if empty else "",
        )

    def _why_untrained(self, row: OneRow) -> str:
        return (
            f"all of its answer lies beyond {self._limit} tokens"
            if row.length > self._limit
            else "has nothing that is learned"
        )

    def _sets(self) -> _Sets:
        """The rows to train on, source by source, and those to evaluate on."""
        rows = {name: Rows.of(source) for name, source in self.sources.items()}
        found = divide(self._preset, {name: one.keys for name, one in rows.items()})
        train = [rows[name].only(places) for name, places in found.train.items()]
        overlap = Defects()
        if EVAL in rows:
            overlap = _overlap(rows[EVAL].only(found.overlap), train[0])
        return _Sets(
            train,
            Rows.joined([rows[name].only(places) for name, places in found.evaluated.items()]),
            Rows.joined([rows[name].only(places) for name, places in found.general.items()]),
            found.held_out,
            _duplicates(rows[TRAIN]),
            overlap,
        )


@dataclass(frozen=True)
class _Sets:
    train: list[Rows]
    evaluated: Rows
    general: Rows
    held_out: int
    duplicates: Defects
    overlap: Defects


def _counts(parts: list[Places]) -> dict[int, int]:
    lengths, counts = np.unique(np.concatenate(parts), return_counts=True)
    return {int(length): int(count) for length, count in zip(lengths, counts, strict=True)}


def _notes(parts: list[tuple[Rows, Mask]], words: Callable[[OneRow], str]) -> Defects:
    """The rows a mask picks, over all sources; only those of the first, one's own, are listed."""
    own, where = parts[0]
    picked = own.only(where)
    notes = [
        Note(int(number), words(OneRow(int(number), int(length))))
        for number, length in zip(picked.numbers[:MOST_NOTES], picked.lengths[:MOST_NOTES], strict=True)
    ]
    return Defects(sum(int(mask.sum()) for _, mask in parts), tuple(notes))


def _duplicates(rows: Rows) -> Defects:
    """Rows whose content stands before them already."""
    _, first, inverse = np.unique(rows.keys, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[inverse] != np.arange(len(rows.keys)))
    notes = [
        Note(int(rows.numbers[place]), f"is the same as row {rows.numbers[first[inverse[place]]]}")
        for place in again[:MOST_NOTES]
    ]
    return Defects(len(again), tuple(notes))


def _overlap(named: Rows, train: Rows) -> Defects:
    """Held-out rows that are also trained on."""
    order = np.argsort(train.keys, kind="stable")
    places = order[np.searchsorted(train.keys[order], named.keys[:MOST_NOTES])]
    notes = [
        Note(int(number), f"is the same as training row {train.numbers[place]}")
        for number, place in zip(named.numbers[:MOST_NOTES], places, strict=True)
    ]
    return Defects(len(named.keys), tuple(notes))
