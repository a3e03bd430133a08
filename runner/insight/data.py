"""What is known of the data of a preset: counts, lengths, defects. Made by the X-ray, read by advice and lint."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from runner.insight.packing import packed_rows
from runner.preset.data_sources import EVAL, TRAIN

SCHEMA = 2
# Of each kind of defect so many rows are listed; all are counted.
MOST_NOTES = 1000
MOST_LENGTHS = 300


# The shapes of rows (RowFormat of runner/data/row.py) in which questions and answers are told apart.
CONVERSATIONS = ("chat messages", "ShareGPT", "Alpaca", "question–answer")


@dataclass(frozen=True)
class Note:
    """One row something is said about: its 1-based number in its source, and what."""

    row: int
    text: str


@dataclass(frozen=True)
class Defects:
    """Rows with one kind of defect: how many, and the first of them."""

    count: int = 0
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class DefectKind:
    """A kind of defect: the field of DataReport that counts it, what it is called, and the source its rows are in. Of
    a grave one nothing is learned.
    """

    field: str
    words: str
    source: str = TRAIN
    is_grave: bool = False


# Rows that cannot be read at all are counted by source (Source.bad).
DEFECTS = (
    DefectKind("placeholders", "{{placeholders}} left"),
    DefectKind("templated", "chats written out as text"),
    DefectKind("control_tokens", "control tokens typed as text"),
    DefectKind("untrained", "nothing to learn", is_grave=True),
    DefectKind("truncated", "too long, cut"),
    DefectKind("duplicates", "copies of others"),
    DefectKind("overlap", "held out, but also trained on", EVAL),
    DefectKind("end_untrained", "the end is not learned"),
    DefectKind("doubled_bos", "two BOS tokens"),
)


@dataclass(frozen=True)
class Remark:
    """What is said of rows alike: that a column is not used, say; of how many, and of which first."""

    text: str
    count: int
    first: int


@dataclass(frozen=True)
class Source:
    """One file or hub data set. `rows_expected` is None while unknown; formats count recognised rows; `bad` cannot be
    used, `left_out` are not to be. `notes` say how the file is read, `remarks` what of its rows is used otherwise than
    it stands there; `columns` are those of its first row.
    """

    name: str
    place: str
    rows_read: int = 0
    rows_expected: int | None = None
    formats: Mapping[str, int] = field(default_factory=dict)
    bad: Defects = Defects()
    problem: str = ""
    left_out: Defects = Defects()
    notes: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()
    columns: tuple[str, ...] = ()

    @property
    def bad_by_reason(self) -> tuple[Remark, ...]:
        """Equal reasons once, the most frequent first; of the rows that are listed."""
        counts = Counter(note.text for note in self.bad.notes)
        first = {note.text: note.row for note in reversed(self.bad.notes)}
        return tuple(Remark(text, count, first[text]) for text, count in counts.most_common())


@dataclass(frozen=True)
class DataReport:
    """Everything the X-ray found. Tokens are counted after cutting at max_length, lengths before.

    `lengths` and `eval_lengths` are {tokens: samples} of what will be trained and evaluated on: a row is one sample, or
    one for each answer where it is unrolled (`ways` counts the rows by that; `unrolled_tokens` are those read again and
    again because of it). While `complete` is false the counts are those of the rows seen so far; `train_rows` and
    `more_samples` are then estimates from the rows expected.
    """

    key: str = ""
    complete: bool = False
    sampled: bool = False
    max_length: int = 0
    sources: tuple[Source, ...] = ()
    train_rows: int = 0
    more_samples: int = 0
    ways: Mapping[str, int] = field(default_factory=dict)
    unrolled_tokens: int = 0
    dated: bool = False
    eval_rows: int = 0
    general_rows: int = 0
    mix_rows: int = 0
    held_out_rows: int = 0
    lengths: Mapping[int, int] = field(default_factory=dict)
    eval_lengths: Mapping[int, int] = field(default_factory=dict)
    tokens: int = 0
    trained_tokens: int = 0
    tokens_lost: int = 0
    truncated: Defects = Defects()
    untrained: Defects = Defects()
    untrained_turns: int = 0
    placeholders: Defects = Defects()
    templated: Defects = Defects()
    control_tokens: Defects = Defects()
    duplicates: Defects = Defects()
    overlap: Defects = Defects()
    end_untrained: Defects = Defects()
    doubled_bos: Defects = Defects()
    pad_is_eos: bool = False
    ends_with_eos: bool = True
    seconds: float = 0.0
    problem: str = ""
    hint: str = ""

    @property
    def train_samples(self) -> int:
        """What steps are made of: training rows, and the further samples of those that are unrolled."""
        return self.train_rows + self.more_samples

    @property
    def unrolled_percent(self) -> float:
        """Tokens that are read again because of unrolling, in percent of all others."""
        return 100 * self.unrolled_tokens / max(1, self.tokens - self.unrolled_tokens)

    @property
    def rows_read(self) -> int:
        return sum(source.rows_read for source in self.sources)

    @property
    def progress(self) -> float:
        """Share of all rows read, 0 to 1; 0 while unknown."""
        expected = [source.rows_expected for source in self.sources]
        if self.complete:
            return 1.0
        total = sum(rows or 0 for rows in expected)
        return min(1.0, self.rows_read / total) if total and None not in expected else 0.0

    @property
    def defects(self) -> tuple[tuple[DefectKind, Defects], ...]:
        """Every kind of defect there is any of."""
        found = ((kind, getattr(self, kind.field)) for kind in DEFECTS)
        return tuple((kind, defects) for kind, defects in found if defects.count)

    @property
    def bad_rows(self) -> int:
        return sum(source.bad.count for source in self.sources)

    @property
    def left_out_rows(self) -> int:
        return sum(source.left_out.count for source in self.sources)

    @property
    def trained_share(self) -> float | None:
        """Share of tokens that is learned; None without tokens."""
        return self.trained_tokens / self.tokens if self.tokens else None

    @property
    def longest(self) -> int:
        return max(self.lengths, default=0)

    @property
    def eval_longest(self) -> int:
        return max(self.eval_lengths, default=0)

    def cut_at(self, max_length: int) -> tuple[int, int]:
        """(rows cut, tokens lost) at some max_length."""
        longer = {n: count for n, count in self.lengths.items() if n > max_length}
        return sum(longer.values()), sum((n - max_length) * count for n, count in longer.items())

    def mean_length(self, max_length: int) -> float:
        """Tokens of a row after cutting; 0 without rows."""
        rows = sum(self.lengths.values())
        return sum(min(n, max_length) * count for n, count in self.lengths.items()) / rows if rows else 0.0

    def expected_longest(self, batch: int, max_length: int) -> float:
        """The expected length of the longest of `batch` rows drawn at random: what a batch is padded to."""
        before, total = 0.0, 0.0
        for length, share in self._shares:
            now = share**batch
            total += min(length, max_length) * (now - before)
            before = now
        return total

    @cached_property
    def _shares(self) -> list[tuple[int, float]]:
        """(length, share of rows not longer), rising. Of thousands of lengths some stand for their neighbours."""
        rows, seen, found = sum(self.lengths.values()), 0, []
        step = max(1, len(self.lengths) // MOST_LENGTHS)
        for place, (length, count) in enumerate(sorted(self.lengths.items()), start=1):
            seen += count
            if place % step == 0 or place == len(self.lengths):
                found.append((length, seen / rows))
        return found

    def packed(self, max_length: int, split: bool) -> int:
        """Training rows after packing."""
        seen = sum(self.lengths.values())
        rows = packed_rows(self.lengths, max_length, split)
        # While only a part was seen, the whole packs as well as the part.
        return rows if not seen or self.complete else math.ceil(rows * self.train_samples / seen)

    def packing_fill(self, max_length: int, split: bool) -> float:
        """Share of packed rows that is no padding; 0 without rows."""
        rows = packed_rows(self.lengths, max_length, split)
        kept = sum((n if split else min(n, max_length)) * count for n, count in self.lengths.items())
        return kept / (rows * max_length) if rows else 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain values; `report_from_json` reads them back."""
        return {"schema": SCHEMA, **asdict(self)}


def quantile(lengths: Mapping[int, int], share: float) -> int:
    """The length that `share` of the rows does not exceed; 0 without rows."""
    wanted, seen = share * sum(lengths.values()), 0
    for length, count in sorted(lengths.items()):
        seen += count
        if seen >= wanted:
            return length
    return 0


def histogram(lengths: Mapping[int, int], buckets: int) -> list[tuple[int, int, int]]:
    """(from, to, rows) in at most `buckets` ranges of equal width from 1 to the longest."""
    longest = max(lengths, default=0)
    if not longest:
        return []
    width = max(1, -(-longest // buckets))
    counts = [0] * -(-longest // width)
    for length, count in lengths.items():
        counts[max(0, length - 1) // width] += count
    return [(i * width + 1, (i + 1) * width, count) for i, count in enumerate(counts)]
