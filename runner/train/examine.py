"""The X-ray's bookkeeping: rows go in one at a time, a DataReport comes out at any moment.

A row leaves 24 bytes behind, and 8 for each further sample of it: a million rows take 24 MB. Every count is made from
keys and lengths alone; what is split off and mixed in is decided where it is for the trainer
(runner/insight/division.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from runner.data import templated
from runner.data.raw import BadRow
from runner.data.row import Row, RowFormat
from runner.insight.data import MOST_NOTES, DataReport, Defects, Note
from runner.insight.division import Places, divide
from runner.preset.data_sources import EVAL, own_sources
from runner.preset.schema import Preset
from runner.train.columns import DefectList, Mask, OneRow, Rows, SourceRows
from runner.train.letters import Letters
from runner.train.tokenise import IGNORED, Rendered, RowRenderer, length_limit

# Of a conversation with more answers than a 16-bit count holds.
MOST_SAMPLES = 65_535


# A word in double braces that a template was to fill. More than that is code about templates.
PLACEHOLDER = re.compile(r"\{\{ ?[A-Za-z_][A-Za-z0-9_. ]{0,40} ?\}\}")


class Examination:
    """Everything seen so far of the data of a preset."""

    def __init__(self, preset: Preset, renderer: RowRenderer, key: str) -> None:
        tokenizer = renderer.tokenizer
        self._preset = preset
        self._renderer = renderer
        self._key = key
        self._own = {source.name for source in own_sources(preset.data)}
        self._limit = length_limit(preset)
        self._bos = tokenizer.bos_token_id
        self._eos = tokenizer.eos_token_id
        self._ends = {tokenizer.convert_tokens_to_ids(token) for token in tokenizer.all_special_tokens}
        self._pad_is_eos = tokenizer.pad_token_id is not None and tokenizer.pad_token_id == self._eos
        self._letters = Letters(tokenizer)
        self._defects: dict[str, DefectList] = {
            name: DefectList()
            for name in ("end_untrained", "doubled_bos", "placeholders", "templated", "control_tokens")
        }
        self._unrolled_tokens = 0
        self._ended_by: Counter[bool] = Counter()
        self.sources: dict[str, SourceRows] = {}

    def source(
        self,
        name: str,
        place: str,
        expected: int | None,
        notes: Sequence[str] = (),
        columns: Sequence[str] = (),
    ) -> SourceRows:
        """Begin a source (runner/preset/data_sources.py); `notes` say how it is read, `columns` are its first row's."""
        begun = SourceRows(name, place, expected, notes=tuple(notes), columns=tuple(columns))
        return self.sources.setdefault(name, begun)

    def add(self, source: SourceRows, row: Row | BadRow, samples: list[Rendered]) -> None:
        """Count one row; `samples` are what the model would read of it (none for a row that cannot be used)."""
        source.read += 1
        if isinstance(row, BadRow):
            line = f"line {row.line}: " if row.line is not None else ""
            (source.left_out if row.is_left_out else source.bad).add(row.number, line + row.reason)
            return
        source.formats[row.format.value] += 1
        source.numbers.append(row.number)
        source.keys.append(row.short_key)
        source.samples.append(min(len(samples), MOST_SAMPLES))
        source.untrained_turns.append(min(self._renderer.untrained_turns(row), MOST_SAMPLES))
        for one in samples[:MOST_SAMPLES]:
            source.lengths.append(len(one.labels))
            source.trained.append(one.trained(self._limit))
        for remark in row.remarks:
            source.remark(row.number, remark)
        if row.messages:
            source.ways[samples[0].way.value] += 1
        if source.name in self._own:
            self._look_at(row, samples)

    def _look_at(self, row: Row, samples: list[Rendered]) -> None:
        """What may be wrong with a row that can be learned."""
        last_sample = samples[-1]
        self._unrolled_tokens += sum(len(one.labels) for one in samples) - max(
            len(one.labels) for one in samples
        )
        if last_sample.input_ids[:2] == [self._bos, self._bos] and self._bos is not None:
            self._defects["doubled_bos"].add(row.number, "begins with two BOS tokens")
        last = next((label for label in reversed(last_sample.labels[1:]) if label != IGNORED), None)
        if last is not None:
            self._ended_by[last == self._eos] += 1
            if last not in self._ends:
                self._defects["end_untrained"].add(
                    row.number, "its last learned token ends no turn: the model learns to go on"
                )
        texts = (
            [row.text] if row.text else [one["content"] for one in row.messages if one["role"] != "system"]
        )
        if found := next((PLACEHOLDER.search(text) for text in texts if "{{" in text), None):
            self._defects["placeholders"].add(row.number, f"has {found[0]}, which nothing filled")
        if row.format is RowFormat.TEXT and (style := templated.style_of(row.text)):
            self._defects["templated"].add(row.number, f"is a chat written out as text ({style})")
        if row.messages and any(self._letters.has(text) for text in texts):
            self._defects["control_tokens"].add(
                row.number, "has a control token of the model in its text; it is learned as letters"
            )

    def report(self, complete: bool, sampled: bool = False, seconds: float = 0.0) -> DataReport:
        """The state of things."""
        sets = self._sets()
        train, held = sets.train, sets.evaluated
        own = [source for source in self.sources.values() if source.name in self._own]
        most = self._preset.data.max_train_samples or 1 << 62
        read = sum(one.read for one in own)
        expected = min(sum(one.expected or one.read for one in own), most)
        drawn = min(read, most)
        scale = 1.0 if complete or not drawn else max(1.0, expected / drawn)
        learned = [one.sample_trained > 0 for one in train]
        lengths = [one.sample_lengths[where] for one, where in zip(train, learned, strict=True)]
        rows = sum(int((one.row_trained > 0).sum()) for one in train)
        cut = [(one, one.row_lengths > self._limit) for one in train]
        empty = [source for source in self.sources.values() if complete and not source.read]
        checked = held.sample_lengths[held.sample_trained > 0]
        return DataReport(
            key=self._key,
            complete=complete,
            sampled=sampled,
            max_length=self._preset.train.max_length,
            sources=tuple(source.frozen() for source in self.sources.values()),
            train_rows=round(scale * rows),
            more_samples=round(scale * (sum(len(one) for one in lengths) - rows)),
            ways=dict(sum((source.ways for source in own), Counter())),
            unrolled_tokens=self._unrolled_tokens,
            dated=self._renderer.template.asks_for_date,
            eval_rows=int((held.row_trained > 0).sum()),
            general_rows=int((sets.general.row_trained > 0).sum()),
            mix_rows=sum(len(one) for one in train[len(own) :]),
            held_out_rows=sets.held_out,
            lengths=_counts(lengths),
            eval_lengths=_counts([checked]),
            tokens=sum(int(np.minimum(one, self._limit).sum()) for one in lengths),
            trained_tokens=sum(int(one.sample_trained.sum()) for one in train),
            tokens_lost=sum(int(np.maximum(one.sample_lengths - self._limit, 0).sum()) for one in train),
            truncated=_notes(cut, lambda row: f"{row.length} tokens, {row.length - self._limit} of them cut"),
            untrained=_notes([(one, one.row_trained == 0) for one in train], self._why_untrained),
            untrained_turns=sum(int(one.untrained_turns.sum()) for one in train),
            duplicates=sets.duplicates,
            overlap=sets.overlap,
            **{name: defects.frozen() for name, defects in self._defects.items()},
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
        """The rows to train on, source by source, own ones first, and those to evaluate on."""
        rows = {name: Rows.of(source) for name, source in self.sources.items()}
        found = divide(self._preset, {name: one.keys for name, one in rows.items()})
        train = [rows[name].only(places) for name, places in found.train.items()]
        overlap = Defects()
        if EVAL in rows:
            own = Rows.joined(train[: len(self._own & set(found.train))])
            overlap = _overlap(rows[EVAL].only(found.overlap), own)
        return _Sets(
            train,
            Rows.joined([rows[name].only(places) for name, places in found.evaluated.items()]),
            Rows.joined([rows[name].only(places) for name, places in found.general.items()]),
            found.held_out,
            _duplicates(Rows.joined([rows[name] for name in found.train if name in self._own])),
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
        for number, length in zip(picked.numbers[:MOST_NOTES], picked.row_lengths[:MOST_NOTES], strict=True)
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
