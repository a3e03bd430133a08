"""A conversation as text, and where in it the answers stand: what is learned of it.

Three ways, tried in this order:

- ONE: the conversation is rendered once. That serves where each prompt, the conversation up to a question with the
  header of an answer, is a beginning of that text, and the answer behind it is what the model would be wanted to say.
- TRAINED: the same by TRL's template for training in the place of this one, for templates that render earlier answers
  otherwise than last ones (Qwen3 drops their reasoning).
- UNROLLED: a text for each answer, rendered as the model sees it when it answers there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from runner.data.row import Message, Row
from runner.train.chat_template import ChatTemplate, RefusedRowError
from runner.train.letters import Letters, Span, mark_for, without

THINK_ENDS = "</think>"


class Way(StrEnum):
    """How the answers of a row are had."""

    ONE = "one rendering"
    TRAINED = "TRL's training template"
    UNROLLED = "unrolled, a sample an answer"


@dataclass(frozen=True)
class Rendering:
    """A text the model reads, and the spans of characters in it that are learned. Marks stand in control tokens that
    people typed (letters.py); `mark` is empty without any.
    """

    text: str
    spans: list[Span]
    way: Way = Way.ONE
    mark: str = ""


@dataclass
class Conversations:
    """Renders the rows of one tokenizer. `turns` is data.assistant_turns."""

    tokenizer: Any
    template: ChatTemplate
    assistant_only: bool = True
    turns: str = "auto"
    _letters: Letters = field(init=False)
    _ends: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._letters = Letters(self.tokenizer)
        self._ends = tuple(str(token) for token in self.tokenizer.all_special_tokens if token)

    def render(self, row: Row) -> list[Rendering]:
        """The texts of a row, one unless it is unrolled. Raises RefusedRowError."""
        self.template.refuse_what_is_lost(row.messages, row.tools)
        row, mark = self._guarded(row)
        found = self._renderings(row)
        if mark:
            found = [replace(one, mark=mark) for one in found]
        return found

    def _guarded(self, row: Row) -> tuple[Row, str]:
        texts = [str(value) for message in row.messages for key, value in message.items() if key != "role"]
        if not any(self._letters.has(text) for text in texts):
            return row, ""
        mark = mark_for(texts)
        masked = tuple(
            replace(
                one,
                start=self._letters.moved(row.messages[one.turn]["content"], one.start),
                end=None
                if one.end is None
                else self._letters.moved(row.messages[one.turn]["content"], one.end),
            )
            for one in row.masked
        )
        messages = tuple(self._letters.guarded(one, mark) for one in row.messages)
        return replace(row, messages=messages, masked=masked), mark

    def _renderings(self, row: Row) -> list[Rendering]:
        if not self.assistant_only and not row.context and not row.masked:
            text = self._text(row.messages, row)
            return [Rendering(text, [(0, len(text))])]
        answers = row.answers[-1:] if self.turns == "last" else row.answers
        if (spans := self._in_one(row, answers)) is not None:
            return [Rendering(*spans)]
        training = self.template.of_training if self.turns == "auto" else None
        if training is not None and (spans := self._in_one(row, answers, training)) is not None:
            return [Rendering(*spans, Way.TRAINED)]
        return [Rendering(*self._unrolled(row, place), Way.UNROLLED) for place in answers]

    def _text(
        self, messages: Sequence[Message], row: Row, generate: bool = False, of: str | None = None
    ) -> str:
        return self.template.render(messages, row.tools, generate, of)

    def _in_one(self, row: Row, answers: list[int], of: str | None = None) -> tuple[str, list[Span]] | None:
        """The conversation in one text, and its answers; None where a single one is not as it would be answered."""
        messages = row.messages
        text = self._text(messages, row, of=of)
        spans: list[Span] = []
        for place in answers:
            start = self._start(row, place, text, of)
            if start is None:
                return None
            is_last = place + 1 == len(messages)
            closed = text if is_last else self._text(messages[: place + 1], row, of=of)
            end = len(text) if is_last else self._shared(closed, text)
            if end is None or end <= start:
                return None
            spans += self._learned(row, place, text, start, self._end_of_turn(text[:end]))
        return text, spans

    def _start(self, row: Row, place: int, text: str, of: str | None) -> int | None:
        """Where the answer at `place` begins; None when the text does not begin with what comes before it."""
        if place == 0:
            # Before it stand a header and perhaps a system prompt of the template's own, which are not its words.
            found = text.find(row.messages[0]["content"].strip())
            return found if found >= 0 and row.messages[0]["content"].strip() else None
        prompt = self._text(row.messages[:place], row, generate=True, of=of)
        return len(prompt) if text.startswith(prompt) else None

    def _shared(self, closed: str, text: str) -> int | None:
        """How far the text goes like that of the conversation that ends there; None when more than what ends a whole
        conversation (an end-of-text token) is different.
        """
        common = _common(closed, text)
        rest = closed[common:].strip()
        while rest and (end := next((one for one in self._ends if rest.startswith(one)), None)) is not None:
            rest = rest[len(end) :].strip()
        return None if rest else common

    def _unrolled(self, row: Row, place: int) -> tuple[str, list[Span]]:
        """The conversation up to the answer at `place`, as the model is given it, and the answer."""
        closed = self._text(row.messages[: place + 1], row)
        if place == 0:
            start = self._start(row, 0, closed, None)
            if start is None:
                raise RefusedRowError(
                    "it begins with an answer that the chat template writes otherwise", "Remove that turn."
                )
            return closed, self._learned(row, 0, closed, start, self._end_of_turn(closed))
        prompt = self._text(row.messages[:place], row, generate=True)
        if not closed.startswith(prompt):
            closed, start = self._continued(row, place, prompt, closed)
        else:
            start = len(prompt)
        return closed, self._learned(row, place, closed, start, self._end_of_turn(closed))

    def _continued(self, row: Row, place: int, prompt: str, closed: str) -> tuple[str, int]:
        """An answer behind a prompt that opens it otherwise than the template writes a finished one: DeepSeek-R1's
        opens a reasoning block, and finished answers have none.
        """
        message = row.messages[place]
        rest = closed[_common(prompt, closed) :]
        if prompt.rstrip().endswith("<think>"):
            if rest.lstrip().startswith(THINK_ENDS):
                return prompt + rest, len(prompt)
            content = message["content"]
            thought = message.get("reasoning_content") or content.partition(THINK_ENDS)[0] * (
                THINK_ENDS in content
            )
            thought = thought.removeprefix("<think>").strip("\n")
            inner = f"{thought}\n" if thought else "\n"
            return f"{prompt}{inner}{THINK_ENDS}\n\n{rest.lstrip()}", len(prompt)
        header = self._text(row.messages[:place], row)
        start = closed.find(message["content"].strip(), len(header)) if closed.startswith(header) else -1
        if start < 0:
            raise RefusedRowError(
                f"the model's chat template writes turn {place + 1} otherwise than it asks for an answer",
                "Name another template in model.chat_template_path.",
            )
        return closed, start

    def _end_of_turn(self, text: str) -> int:
        """The end of the text without white space after its end-of-turn token: the model stops at the token."""
        stripped = text.rstrip()
        return len(stripped) if self._ends and stripped.endswith(self._ends) else len(text)

    def _learned(self, row: Row, place: int, text: str, start: int, end: int) -> list[Span]:
        """The span of an answer without what its author masked in it. Raises RefusedRowError when that is not found."""
        masked = [one for one in row.masked if one.turn == place and not one.is_whole]
        if not masked:
            return [(start, end)]
        content = row.messages[place]["content"]
        begins = text.find(content.strip(), start, end)
        if begins < 0:
            raise RefusedRowError(
                f"the marks of turn {place + 1} (train_detail) cannot be placed: the chat template changes its text",
                "Mark whole turns, or name another template.",
            )
        offset = begins - (len(content) - len(content.lstrip()))
        spans, place_now = [], start
        for one in sorted(masked, key=lambda each: each.start):
            first, last = max(start, offset + one.start), min(end, offset + (one.end or len(content)))
            if first > place_now:
                spans.append((place_now, first))
            place_now = max(place_now, last)
        return [*spans, (place_now, end)] if place_now < end else spans


def _common(one: str, other: str) -> int:
    """How many characters two texts begin alike with, by halves: texts are long."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one.startswith(other[:middle]) else (low, middle - 1)
    return low


def clean(rendering: Rendering) -> tuple[str, list[Span]]:
    """A rendering's text without marks, and its spans in that."""
    return (
        without(rendering.text, rendering.mark, rendering.spans)
        if rendering.mark
        else (rendering.text, rendering.spans)
    )
