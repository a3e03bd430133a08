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

STAND_IN = "zqgreeting"
THINK_BEGINS, THINK_ENDS = "<think>", "</think>"


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
        are_there = any(self._letters.are_in(message) for message in row.messages)
        if not are_there and not (row.tools and self._letters.has(str(row.tools))):
            return row, ""
        mark = mark_for(
            [str(row.tools), *(str(value) for message in row.messages for value in message.values())]
        )
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
        tools = tuple(self._letters.marked(tool, mark) for tool in row.tools)
        return replace(row, messages=messages, masked=masked, tools=tools), mark

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
        return self._each(row, answers)

    def _each(self, row: Row, answers: list[int]) -> list[Rendering]:
        """A text for each answer. A greeting, which no prompt asks for, goes with the answer after it."""
        greets = answers[0] == 0 and len(answers) > 1
        found = [self._unrolled(row, place) for place in answers[greets:]]
        if greets:
            text, spans = found[0]
            found[0] = text, [*self._greeting(row, text), *spans]
        return [Rendering(text, spans, Way.UNROLLED) for text, spans in found]

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
            if place == 0:
                # Before it stand a header and perhaps a system prompt of the template's own, which are not its words.
                spans += self._greeting(row, text)
                continue
            prompt = self._text(messages[:place], row, generate=True, of=of)
            if not text.startswith(prompt):
                return None
            start = len(prompt)
            is_last = place + 1 == len(messages)
            closed = text if is_last else self._text(messages[: place + 1], row, of=of)
            end = len(text) if is_last else self._shared(closed, text)
            if end is None or end <= start:
                return None
            spans += self._learned(row, place, text, start, self._end_of_turn(text[:end]))
        return text, spans

    def _greeting(self, row: Row, text: str) -> list[Span]:
        """An answer that begins the conversation: its content and what ends its turn. Raises RefusedRowError when the
        template writes it otherwise.
        """
        content = row.messages[0]["content"].strip()
        # The same words may stand in its header: the place is that of another content in the same conversation.
        first, *others = row.messages
        other = self._text([{**first, "content": STAND_IN}, *others], row)
        start = other.find(STAND_IN) if content else -1
        if start >= 0 and not text.startswith(other[:start] + content):
            start = -1
        if start < 0:
            raise RefusedRowError(
                "it begins with an answer that the chat template writes otherwise", "Remove that turn."
            )
        rest = text[start + len(content) :]
        blanks = len(rest) - len(rest.lstrip())
        ending = next((one for one in self._ends if rest.lstrip().startswith(one)), "")
        end = start + len(content) + (blanks + len(ending) if ending else 0)
        return self._learned(row, 0, text, start, end)

    def _shared(self, closed: str, text: str) -> int | None:
        """How far the text goes like that of the conversation that ends there; None when more is different than a token
        behind the end of the turn (Phi-3 ends a whole conversation by one more).
        """
        while not text.startswith(closed):
            stripped = closed.rstrip()
            last = next((one for one in self._ends if stripped.endswith(one)), "")
            closed = stripped.removesuffix(last)
            if not last or not closed.rstrip().endswith(self._ends):
                return None
        return len(closed)

    def _unrolled(self, row: Row, place: int) -> tuple[str, list[Span]]:
        """The conversation up to the answer at `place`, as the model is given it, and the answer."""
        closed = self._text(row.messages[: place + 1], row)
        if place == 0:
            return closed, self._greeting(row, closed)
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
        opening = prompt.rindex(THINK_BEGINS) if prompt.rstrip().endswith(THINK_BEGINS) else -1
        if opening >= 0 and closed.startswith(prompt[:opening]):
            rest = closed[opening:].removeprefix(THINK_BEGINS)
            if rest.lstrip().startswith(THINK_ENDS):
                return prompt + rest, len(prompt)
            content = message["content"]
            thought = message.get("reasoning_content") or content.partition(THINK_ENDS)[0] * (
                THINK_ENDS in content
            )
            thought = thought.removeprefix(THINK_BEGINS).strip("\n")
            inner = f"{thought}\n" if thought else "\n"
            return f"{prompt}{inner}{THINK_ENDS}\n\n{rest.lstrip()}", len(prompt)
        header = self._text(row.messages[:place], row)
        # Earlier turns are written otherwise once an answer follows (gpt-oss drops what was thought before a call): the
        # answer is carried over to the prompt.
        asked = prompt.removeprefix(header)
        behind = closed.rfind(asked) + len(asked) if asked and asked in closed else -1
        if behind >= 0 and not closed.startswith(header) and message["content"].strip() in closed[behind:]:
            return prompt + closed[behind:], len(prompt)
        # The prompt says that there is no reasoning, and this answer has some: what is alike is the header.
        shared = _common(prompt, closed)
        if not closed.startswith(header) or shared < len(header):
            raise RefusedRowError(
                f"the model's chat template writes turn {place + 1} otherwise than it asks for an answer",
                "Name another template in model.chat_template_path.",
            )
        return closed, shared

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
        thought = row.messages[place].get("reasoning_content", "").strip()
        behind = max(start, text.find(thought, start, end) + len(thought)) if thought else start
        begins = text.find(content.strip(), behind, end)
        if begins < 0 or text.find(content.strip(), begins + 1, end) >= 0:
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
