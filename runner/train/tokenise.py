"""Rows to token ids and labels: what the model reads, and which of those tokens it learns from.

The one place where this is decided; the trainer is handed finished labels. A conversation is rendered once with its
chat template; what is learned from is found as spans of characters and carried over to tokens by their offsets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.preset.schema import Preset
from runner.train.errors import TrainingError
from runner.train.rows import Message, Row

IGNORED = -100
Span = tuple[int, int]


@dataclass(frozen=True)
class Tokenised:
    """One row as the model sees it. `labels` are the ids, or -100 where nothing is learned; both equally long.

    `full_length` is the number of tokens before truncation. `untrained_turns` counts assistant turns that had to be
    left out because the template renders a conversation differently once it goes on.
    """

    row: Row
    input_ids: list[int]
    labels: list[int]
    full_length: int
    untrained_turns: int = 0

    @property
    def trained(self) -> int:
        """Tokens that are learned. The first token has no prediction before it and never counts."""
        return sum(label != IGNORED for label in self.labels[1:])

    @property
    def lost(self) -> int:
        return self.full_length - len(self.input_ids)


def tokenise(tokenizer: Any, rows: Sequence[Row], max_length: int, assistant_only: bool) -> list[Tokenised]:
    """Tokenise rows, cut each at `max_length` tokens from its start. Raises TrainingError when there is no template
    for chat rows, or no fast tokenizer to map characters to tokens.
    """
    require_fast(tokenizer)
    return [tokenise_row(tokenizer, row, max_length, assistant_only) for row in rows]


def length_limit(preset: Preset) -> int:
    """Where rows are cut. bfd_split divides long rows into pieces itself, so nothing is lost to max_length."""
    train = preset.train
    return 1 << 30 if train.packing and train.packing_strategy == "bfd_split" else train.max_length


def require_fast(tokenizer: Any) -> None:
    """Raises TrainingError when a tokenizer cannot map characters to tokens."""
    if not tokenizer.is_fast:
        raise TrainingError(
            "This model has only a slow tokenizer, which cannot say where in the text a token lies.",
            "Use a model with a tokenizer.json (all current families have one).",
        )


def tokenise_row(tokenizer: Any, row: Row, max_length: int, assistant_only: bool) -> Tokenised:
    """One row; see `tokenise`."""
    whole = render_row(tokenizer, row, assistant_only)
    ids = whole.input_ids
    return Tokenised(row, ids[:max_length], whole.labels[:max_length], len(ids), whole.untrained_turns)


@dataclass(frozen=True)
class Rendered:
    """A row before it is cut: the text the model reads, and each token's span of characters in it. A token that stands
    outside the text (a BOS, an EOS that was added) has an empty span.
    """

    text: str
    input_ids: list[int]
    labels: list[int]
    offsets: list[Span]
    untrained_turns: int = 0


def render_row(tokenizer: Any, row: Row, assistant_only: bool) -> Rendered:
    """A row as the model reads it, and what of it is learned."""
    if row.messages:
        text, spans, untrained = _conversation(tokenizer, row, assistant_only)
        ids, offsets = _encode(tokenizer, text, special=False)
        return Rendered(text, ids, _labels(ids, offsets, spans), offsets, untrained)
    text = row.text
    ids, offsets = _encode(tokenizer, text, special=True)
    labels = _labels(ids, offsets, [(len(row.prompt), len(text))])
    # The end of the text is learned too; a chat template brings its own.
    if tokenizer.eos_token_id is not None and ids[-1:] != [tokenizer.eos_token_id]:
        ids.append(tokenizer.eos_token_id)
        labels.append(tokenizer.eos_token_id)
        offsets.append((len(text), len(text)))
    return Rendered(text, ids, labels, offsets)


def _encode(tokenizer: Any, text: str, special: bool) -> tuple[list[int], list[Span]]:
    encoded = tokenizer(
        text, add_special_tokens=special, return_offsets_mapping=True, truncation=False, verbose=False
    )
    return list(encoded["input_ids"]), list(encoded["offset_mapping"])


def _labels(ids: list[int], offsets: list[Span], spans: list[Span]) -> list[int]:
    """A token is learned when any of its characters lies in a span; special tokens added outside the text are not."""
    labels = [IGNORED] * len(ids)
    place = 0
    for index, (start, end) in enumerate(offsets):
        while place < len(spans) and spans[place][1] <= start:
            place += 1
        if place < len(spans) and end > start and end > spans[place][0]:
            labels[index] = ids[index]
    return labels


def _conversation(tokenizer: Any, row: Row, assistant_only: bool) -> tuple[str, list[Span], int]:
    messages = list(row.messages)
    text = render(tokenizer, messages)
    if not assistant_only and not row.context:
        return text, [(0, len(text))], 0
    spans: list[Span] = []
    untrained = 0
    for place, message in enumerate(messages):
        if message["role"] != "assistant" or place < row.context:
            continue
        span = _turn(tokenizer, messages, place, text)
        if span is None:
            untrained += 1
        else:
            spans.append(span)
    return text, spans, untrained


def _turn(tokenizer: Any, messages: list[Message], place: int, text: str) -> Span | None:
    """Where the assistant turn at `place` stands in the rendered text, its end-of-turn token included.

    Found as the difference between the conversation up to the question with the assistant's header, and with the
    answer. None when the whole conversation does not begin with both, as with templates that drop the reasoning of
    earlier turns.
    """
    before = render(tokenizer, messages[:place], generate=True) if place else ""
    after = render(tokenizer, messages[: place + 1]) if place + 1 < len(messages) else text
    if not text.startswith(after):
        return None
    if not after.startswith(before):
        # Some templates open an answer differently when asked to generate one: the header without it must do.
        before = render(tokenizer, messages[:place]) if place else ""
        start = after.find(messages[place]["content"].strip(), len(before))
        if not after.startswith(before) or start < 0:
            return None
        return start, _end_of_turn(tokenizer, after)
    return len(before), _end_of_turn(tokenizer, after)


def _end_of_turn(tokenizer: Any, text: str) -> int:
    """The end of the text without white space after its end-of-turn token: the model stops at the token."""
    stripped = text.rstrip()
    ends = tuple(token for token in tokenizer.all_special_tokens if token)
    return len(stripped) if ends and stripped.endswith(ends) else len(text)


def render(tokenizer: Any, messages: list[Message], generate: bool = False) -> str:
    """A conversation as text. Raises TrainingError when the tokenizer has no template or refuses the turns."""
    if not tokenizer.chat_template:
        raise TrainingError(
            "The tokenizer has no chat template, and the data are conversations.",
            "Name a .jinja file in model.chat_template_path, use an instruct model, or give prompt–completion rows.",
        )
    try:
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generate))
    except Exception as error:
        roles = " → ".join(message["role"] for message in messages)
        raise TrainingError(
            f"The model's chat template refuses a conversation ({roles}): {error}",
            "Mend the row, or name another template in model.chat_template_path.",
        ) from error
