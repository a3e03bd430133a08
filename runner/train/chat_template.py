"""A model's chat template: what it can be given, and a conversation written by it.

What a template takes is found out by giving it something small and looking for it in what it writes: templates are
programs, and pass over in silence what they do not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import Any

from transformers.utils import chat_template_utils

from runner.data.errors import TrainingError
from runner.data.row import Message
from runner.train.calls import with_ids, with_text_arguments

# A conversation of a million tokens has a tenth of it.
MOST_CHARACTERS = 64 << 20

USER: Message = {"role": "user", "content": "zqask"}
ANSWER: Message = {"role": "assistant", "content": "zqanswer"}
TOOL = {
    "type": "function",
    "function": {
        "name": "zqtool",
        "description": "zqdescription",
        "parameters": {
            "type": "object",
            "properties": {"zqkey": {"type": "string", "description": "d"}},
            "required": [],
        },
    },
}
CALL: dict[str, Any] = {
    "type": "function",
    "id": "a1b2c3d4e",
    "function": {"name": "zqtool", "arguments": {"zqkey": "zqvalue"}},
}
ASKED: Message = {"role": "assistant", "content": "", "tool_calls": [CALL]}
RESULT: Message = {"role": "tool", "name": "zqtool", "content": "zqresult", "tool_call_id": "a1b2c3d4e"}


class RefusedRowError(TrainingError):
    """One row that the template or the tokenizer does not take; the message says why, without the row."""


class _PinnedClock:
    """In the place of `datetime` where transformers asks it what day it is."""

    def __init__(self, day: datetime) -> None:
        self._day = day
        self.was_asked = False

    def now(self) -> datetime:
        self.was_asked = True
        return self._day


class ChatTemplate:
    """The chat template of a tokenizer. `day` is what it is told of today, so that a run that goes on another day
    trains the same tokens.
    """

    def __init__(self, tokenizer: Any, day: datetime | None = None) -> None:
        self._tokenizer = tokenizer
        self._clock = _PinnedClock(day or datetime.now())

    @property
    def asks_for_date(self) -> bool:
        """Whether it has written today's date into anything."""
        return self._clock.was_asked

    @property
    def exists(self) -> bool:
        return bool(self._tokenizer.chat_template)

    def render(
        self,
        messages: Sequence[Message],
        tools: Sequence[Any] = (),
        generate: bool = False,
        of: str | None = None,
    ) -> str:
        """A conversation as text, by another template where `of` is one. Raises RefusedRowError with the turn that the
        template does not take; TrainingError without any template.
        """
        if not self.exists:
            raise TrainingError(
                "The tokenizer has no chat template, and the data are conversations.",
                "Name a .jinja file in model.chat_template_path, take an instruct model, or prompt–completion rows.",
            )
        turns = [self._as_taken(one) for one in messages]
        try:
            return self._apply(turns, tools, generate, of)
        except Exception as error:
            # Mistral's want identifiers of nine characters, which hardly any data have.
            if any("tool_calls" in one for one in turns):
                with suppress(Exception):
                    return self._apply(with_ids(turns), tools, generate, of)
            raise self._refusal(turns, tools, error) from error

    def _apply(
        self, turns: Sequence[Message], tools: Sequence[Any], generate: bool = False, of: str | None = None
    ) -> str:
        was = chat_template_utils.datetime
        chat_template_utils.datetime = self._clock
        try:
            text = str(
                self._tokenizer.apply_chat_template(
                    list(turns),
                    tools=list(tools) or None,
                    tokenize=False,
                    add_generation_prompt=generate,
                    chat_template=of,
                )
            )
            if len(text) > MOST_CHARACTERS:
                raise ValueError(f"it writes {len(text):,} characters")
            return text
        finally:
            chat_template_utils.datetime = was

    def _as_taken(self, message: Message) -> Message:
        """A turn with its calls in the form this template takes."""
        if "tool_calls" not in message or not self.calls_as_text:
            return message
        return {**message, "tool_calls": [with_text_arguments(call) for call in message["tool_calls"]]}

    # What it takes

    def _writes(self, words: str, turns: Sequence[Message], tools: Sequence[Any] = ()) -> bool:
        try:
            return all(word in self._apply(turns, tools) for word in words.split())
        except Exception:
            # A template refuses by whatever its program runs into.
            return False

    @cached_property
    def takes_tools(self) -> bool:
        """Whether a template writes down which tools there are."""
        return self._writes("zqtool", [USER, ANSWER], [TOOL])

    @cached_property
    def calls_as_text(self) -> bool | None:
        """Whether the arguments of calls are to be JSON text; False for objects, None when it writes no calls."""
        return next((as_text for as_text in (False, True) if self._writes_call(as_text)), None)

    def _writes_call(self, as_text: bool) -> bool:
        asked = {**ASKED, "tool_calls": [with_text_arguments(CALL)]} if as_text else ASKED
        return any(
            self._writes("zqtool zqkey zqvalue", [USER, asked, *after], tools)
            for after in ([], [RESULT, ANSWER])
            for tools in ([TOOL], [])
        )

    def _asked(self, content: str = "", calls: int = 1) -> Message:
        made = [
            {**CALL, "function": {**CALL["function"], "name": f"zqtool{'x' * place}"}}
            for place in range(calls)
        ]
        return {
            **ASKED,
            "content": content,
            "tool_calls": [with_text_arguments(one) for one in made] if self.calls_as_text else made,
        }

    @cached_property
    def takes_words_beside_calls(self) -> bool:
        """Whether it writes what is said in a turn beside its calls."""
        asked = self._asked("zqbeside")
        return any(
            self._writes("zqbeside zqtool", [USER, asked, *after], [TOOL]) for after in ([], [RESULT, ANSWER])
        )

    @cached_property
    def takes_several_calls(self) -> bool:
        """Whether it writes more than the first call of a turn."""
        return self._writes("zqtool zqtoolx", [USER, self._asked(calls=2)], [TOOL])

    @cached_property
    def takes_late_system(self) -> bool:
        """Whether it writes a system turn that is not the first."""
        return self._writes("zqlate", [USER, ANSWER, {"role": "system", "content": "zqlate"}, USER, ANSWER])

    @cached_property
    def takes_results(self) -> bool:
        """Whether it writes what a tool answered."""
        asked = {**ASKED, "tool_calls": [with_text_arguments(CALL)]} if self.calls_as_text else ASKED
        return any(self._writes("zqresult", [USER, asked, RESULT, ANSWER], tools) for tools in ([TOOL], []))

    @cached_property
    def takes_reasoning(self) -> bool:
        """Whether it writes the reasoning before an answer."""
        return self._writes("zqthought", [USER, {**ANSWER, "reasoning_content": "zqthought"}])

    @cached_property
    def opens_reasoning(self) -> bool:
        """Whether an answer begins inside of a reasoning block that the prompt has opened."""
        try:
            return self._apply([USER], (), generate=True).rstrip().endswith("<think>")
        except Exception:
            return False

    @cached_property
    def system_problem(self) -> str:
        """Why it takes no system prompt: its own words, or that it drops it; empty when it writes one."""
        turns = [{"role": "system", "content": "zqsystem"}, USER, ANSWER]
        try:
            return "" if "zqsystem" in self._apply(turns, ()) else "it drops it"
        except Exception as error:
            return " ".join(str(error).split()) or type(error).__name__

    @cached_property
    def of_training(self) -> str | None:
        """TRL's template for training in the place of exactly this one; None when it has none."""
        from trl.chat_template_utils import get_training_chat_template

        try:
            return get_training_chat_template(self._tokenizer)
        except Exception:
            # ValueError for one it does not know; its own probing runs into whatever a template raises.
            return None

    # Why not

    def refuse_what_is_lost(self, messages: Sequence[Message], tools: Sequence[Any]) -> None:
        """Raises RefusedRowError for what the template would pass over in silence."""
        hint = "Name a template that takes them in model.chat_template_path, or another model."
        if tools and not self.takes_tools:
            raise RefusedRowError("the model's chat template does not write its tools", hint)
        for place, message in enumerate(messages, start=1):
            where = f"turn {place} ({message['role']})"
            if "tool_calls" in message and self.calls_as_text is None:
                raise RefusedRowError(f"the model's chat template does not write the calls of {where}", hint)
            calls = message.get("tool_calls", ())
            if calls and message["content"].strip() and not self.takes_words_beside_calls:
                raise RefusedRowError(
                    f"the model's chat template drops what {where} says beside its calls", hint
                )
            if len(calls) > 1 and not self.takes_several_calls:
                raise RefusedRowError(
                    f"the model's chat template writes the first call of {where} alone", hint
                )
            if place > 1 and message["role"] == "system" and not self.takes_late_system:
                raise RefusedRowError(
                    f"the model's chat template drops {where}: it is not the first turn", hint
                )
            if message["role"] == "tool" and not self.takes_results:
                raise RefusedRowError(f"the model's chat template does not write the result in {where}", hint)
            if "reasoning_content" in message and not self.takes_reasoning and not self.opens_reasoning:
                raise RefusedRowError(
                    f"the model's chat template does not write the reasoning of {where}", hint
                )
        if messages and messages[0]["role"] == "system" and self.system_problem:
            raise RefusedRowError(
                f"the model's chat template takes no system turn ({self.system_problem})",
                "data.system: merge_into_user puts it in front of the first question.",
            )

    def _refusal(self, turns: Sequence[Message], tools: Sequence[Any], error: Exception) -> RefusedRowError:
        place = next((n for n in range(1, len(turns)) if self._fails(turns[:n], tools)), len(turns))
        roles = " → ".join(str(turn["role"]) for turn in turns[:place])
        words = " ".join(str(error).split()) or type(error).__name__
        return RefusedRowError(
            f"the model's chat template refuses turn {place} ({roles}): {words}",
            "Mend the row, or name another template in model.chat_template_path.",
        )

    def _fails(self, turns: Sequence[Message], tools: Sequence[Any]) -> bool:
        try:
            self._apply(turns, tools)
        except Exception:
            return True
        return False
