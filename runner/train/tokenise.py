"""Rows to token ids and labels: what the model reads, and which of those tokens it learns from.

The one place where this is decided; the trainer is handed finished labels. What is learned is found as spans of
characters (conversation.py) and carried over to tokens by their offsets. A row becomes one sample, or several where a
conversation is unrolled.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from runner.data.errors import TrainingError
from runner.data.row import Message, Row
from runner.preset.schema import Preset
from runner.train.chat_template import ChatTemplate, RefusedRowError
from runner.train.conversation import Conversations, Rendering, Way, clean
from runner.train.letters import Span, encode_pieces
from runner.train.row_clock import RowClock

IGNORED = -100
_START, _END = itemgetter(0), itemgetter(1)


@dataclass(frozen=True)
class Rendered:
    """A sample before it is cut: the text the model reads, and each token's span of characters in it. A token that
    stands outside the text (a BOS, an EOS that was added) has an empty span. `labels` are the ids, or -100 where
    nothing is learned; all three equally long.
    """

    text: str
    input_ids: list[int]
    labels: list[int]
    offsets: list[Span]
    way: Way = Way.ONE

    def trained(self, limit: int | None = None) -> int:
        """Tokens that are learned of the first `limit`. The first has no prediction before it and never counts."""
        return learned_of(self.labels[:limit])


@dataclass(frozen=True)
class Tokenised:
    """One sample as the model sees it, cut. `full_length` is the number of tokens before that."""

    row: Row
    input_ids: list[int]
    labels: list[int]
    full_length: int
    way: Way = Way.ONE

    @property
    def trained(self) -> int:
        """Tokens that are learned. The first token has no prediction before it and never counts."""
        return learned_of(self.labels)

    @property
    def lost(self) -> int:
        return self.full_length - len(self.input_ids)


def learned_of(labels: list[int]) -> int:
    """How many labels are learned, the first left out."""
    return len(labels) - labels.count(IGNORED) - sum(label != IGNORED for label in labels[:1])


def length_limit(preset: Preset) -> int:
    """Where samples are cut. bfd_split divides long ones into pieces itself, so nothing is lost to max_length."""
    train = preset.train
    return 1 << 30 if train.packing and train.packing_strategy == "bfd_split" else train.max_length


def require_fast(tokenizer: Any) -> None:
    """Raises TrainingError when a tokenizer cannot map characters to tokens."""
    if not tokenizer.is_fast:
        raise TrainingError(
            "This model has only a slow tokenizer, which cannot say where in the text a token lies.",
            "Use a model with a tokenizer.json (all current families have one).",
        )


class RowRenderer:
    """What the rows of one preset are to its model. `day` is what a chat template is told of today; `clock` ends the
    process at a row that does not come back.
    """

    def __init__(
        self,
        tokenizer: Any,
        assistant_only: bool = True,
        turns: str = "auto",
        day: datetime | None = None,
        clock: RowClock | None = None,
    ) -> None:
        require_fast(tokenizer)
        self.tokenizer = tokenizer
        self.template = ChatTemplate(tokenizer, day)
        self._backend = _backend(tokenizer)
        self._conversations = Conversations(tokenizer, self.template, assistant_only, turns)
        self._turns = turns
        self._clock = clock
        self._ends = tuple(str(token) for token in tokenizer.all_special_tokens if token)

    @classmethod
    def of(
        cls, preset: Preset, tokenizer: Any, day: datetime | None = None, clock: RowClock | None = None
    ) -> RowRenderer:
        """As a preset says."""
        return cls(tokenizer, preset.train.assistant_only_loss, preset.data.assistant_turns, day, clock)

    def render(self, row: Row) -> list[Rendered]:
        """The samples of a row, before they are cut. Raises RefusedRowError for a row that template or tokenizer do not
        take, with the reason alone; TrainingError where the model has no template for chats.
        """
        with self._watched(row.number):
            return self._render(row)

    @contextmanager
    def _watched(self, row: int) -> Iterator[None]:
        if self._clock is None:
            yield
            return
        self._clock.begin(row)
        try:
            yield
        finally:
            self._clock.end()

    def _render(self, row: Row) -> list[Rendered]:
        try:
            if row.messages:
                return [self._encoded(one) for one in self._conversations.render(row)]
            return [self._text(row)]
        except TrainingError:
            raise
        except Exception as error:
            words = " ".join(str(error).split()) or type(error).__name__
            raise RefusedRowError(
                f"the tokenizer does not take it: {words}", "Mend or remove that row."
            ) from error

    def prompt(self, messages: Sequence[Message], tools: Sequence[Any] = ()) -> list[int]:
        """The tokens of a conversation up to the header of the answer to its last turn. Raises RefusedRowError."""
        with self._watched(0):
            text = self.template.render(messages, tools, generate=True)
            return self._encode(text, special=False)[0]

    def untrained_turns(self, row: Row) -> int:
        """Answers of a row that are passed over, because the last one alone is wanted."""
        return max(0, len(row.answers) - 1) if self._turns == "last" and row.messages else 0

    def _encoded(self, rendering: Rendering) -> Rendered:
        text, spans = clean(rendering)
        if rendering.mark:
            ids, offsets = encode_pieces(self.tokenizer, rendering.text, rendering.mark)
        else:
            ids, offsets = self._encode(text, special=False)
        return Rendered(text, ids, labels_of(ids, offsets, spans), offsets, rendering.way)

    def _text(self, row: Row) -> Rendered:
        text = row.text
        ids, offsets = self._encode(text, special=True)
        labels = labels_of(ids, offsets, [(len(row.prompt), len(text))])
        end = self.tokenizer.eos_token_id
        # The end of the text is learned too; a chat template brings its own, also one that wrote this text before.
        if end is not None and ids[-1:] != [end] and not text.rstrip().endswith(self._ends):
            ids.append(end)
            labels.append(end)
            offsets.append((len(text), len(text)))
        return Rendered(text, ids, labels, offsets)

    def _encode(self, text: str, special: bool) -> tuple[list[int], list[Span]]:
        if self._backend is not None:
            found = self._backend.encode(text, add_special_tokens=special)
            return found.ids, found.offsets
        encoded = self.tokenizer(
            text, add_special_tokens=special, return_offsets_mapping=True, truncation=False, verbose=False
        )
        return list(encoded["input_ids"]), list(encoded["offset_mapping"])


def tokenise_row(renderer: RowRenderer, row: Row, max_length: int) -> list[Tokenised]:
    """The samples of a row, each cut at `max_length` tokens from its start. Raises RefusedRowError."""
    return [
        Tokenised(row, one.input_ids[:max_length], one.labels[:max_length], len(one.input_ids), one.way)
        for one in renderer.render(row)
    ]


def labels_of(ids: list[int], offsets: list[Span], spans: list[Span]) -> list[int]:
    """A token is learned when any of its characters lies in a span; special tokens added outside the text are not.
    Offsets and spans rise.
    """
    labels = [IGNORED] * len(ids)
    for start, end in spans:
        first, last = bisect_right(offsets, start, key=_END), bisect_left(offsets, end, key=_START)
        labels[first:last] = ids[first:last]
    for index in [index for index, (start, end) in enumerate(offsets) if start == end]:
        labels[index] = IGNORED
    return labels


def _backend(tokenizer: Any) -> Any:
    """What a fast tokenizer encodes with, in a third of the time; None where the tokenizer does more than that."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    backend.no_truncation()
    backend.no_padding()
    text = f" Größe 🙂\n{tokenizer.eos_token or ''}one  two"
    for special in (False, True):
        asked = tokenizer(text, add_special_tokens=special, return_offsets_mapping=True, truncation=False)
        found = backend.encode(text, add_special_tokens=special)
        if (list(asked["input_ids"]), list(asked["offset_mapping"])) != (found.ids, found.offsets):
            return None
    return backend
