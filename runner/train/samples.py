"""A few fixed prompts answered at every evaluation: what the loss does not show."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from runner.data.row import Message, Row
from runner.insight.copying import TrainingText
from runner.preset.schema import Preset
from runner.store.events import EventLog
from runner.train.answers import REFUSALS, generate
from runner.train.dataset import Data
from runner.train.tokenise import RowRenderer

OWN_PROMPTS = 3
LONGEST_PROMPT = 2000


@dataclass(frozen=True)
class Prompt:
    """A prompt in words, the conversation up to the answer, what the row answers. Its place stays when another is left
    out: answers are compared by it.
    """

    place: int
    words: str
    messages: list[Message]
    tools: tuple[dict[str, Any], ...]
    expected: str


class Sampler:
    """Answers the preset's prompts, or the questions of the first held-out rows, greedily, so that answers of different
    checkpoints can be compared.
    """

    def __init__(self, preset: Preset, renderer: RowRenderer, data: Data, log: EventLog) -> None:
        self._renderer = renderer
        self._log = log
        self._most = preset.eval.sample_max_new_tokens
        prompts = _prompts(preset, data) if self._most else []
        self._prompts = [replace(prompt, place=place) for place, prompt in enumerate(prompts)]
        self._data = data
        self._text: TrainingText | None = None

    def answer(self, model: Any, step: int) -> None:
        """Answer every prompt and write a `sample` event for each. A prompt that cannot be answered is warned about
        once and left out from then on: samples never end a run.
        """
        begun = time.monotonic()
        was_training = model.training
        model.eval()
        try:
            answered = self._all(model)
        finally:
            model.train(was_training)
        each = (time.monotonic() - begun) / max(1, len(answered))
        for prompt, text in answered:
            copied = self._training_text().copied(text, prompt.words)
            self._log.append(
                "sample",
                step=step,
                prompt_id=prompt.place,
                prompt=prompt.words,
                text=text,
                expected=prompt.expected,
                copied=None
                if copied is None
                else {
                    "row": list(copied.row),
                    "start": copied.start,
                    "end": copied.end,
                    "words": copied.words,
                },
                seconds=round(each, 3),
            )

    def _all(self, model: Any) -> list[tuple[Prompt, str]]:
        """Every prompt with its answer: all in one batch, or one by one where that fails."""
        if not self._prompts:
            return []
        try:
            texts = self._generate(model, self._prompts)
            return list(zip(self._prompts, texts, strict=True))
        except REFUSALS:
            pass
        answered = []
        for prompt in list(self._prompts):
            try:
                answered.append((prompt, self._generate(model, [prompt])[0]))
            except REFUSALS as error:
                self._log.append(
                    "warning",
                    id="sample",
                    message=f"The sample prompt {prompt.words[:60]!r} has no answer: {error}",
                )
                self._prompts.remove(prompt)
        return answered

    def _training_text(self) -> TrainingText:
        if self._text is None:
            self._text = TrainingText(((row.source, row.number), _words(row)) for row in self._data.learned)
        return self._text

    def _generate(self, model: Any, prompts: Sequence[Prompt]) -> list[str]:
        asked = [self._tokens(prompt) for prompt in prompts]
        tokenizer = self._renderer.tokenizer
        new = generate(model, tokenizer, asked, self._most)
        return [str(tokenizer.decode(ids, skip_special_tokens=True)).strip() for ids in new]

    def _tokens(self, prompt: Prompt) -> list[int]:
        if prompt.messages:
            return self._renderer.prompt(prompt.messages, prompt.tools)
        return list(self._renderer.tokenizer(prompt.words)["input_ids"])


def _prompts(preset: Preset, data: Data) -> list[Prompt]:
    chats = any(row.messages for row in data.learned)
    if preset.eval.sample_prompts:
        return [
            Prompt(0, text, [{"role": "user", "content": text}] if chats else [], (), "")
            for text in preset.eval.sample_prompts
        ]
    found = [_question(row) for row in data.held_out[: 4 * OWN_PROMPTS]]
    return [item for item in found if item is not None and len(item.words) <= LONGEST_PROMPT][:OWN_PROMPTS]


def _question(row: Row) -> Prompt | None:
    if not row.messages:
        # Half of a plain text is a prompt as good as any.
        start = row.prompt or row.text[: min(200, len(row.text) // 2)]
        return Prompt(0, start, [], (), row.text[len(start) :]) if start else None
    last = row.answers[-1]
    before = list(row.messages[:last])
    asked = next((m["content"] for m in reversed(before) if m["role"] == "user"), "")
    return Prompt(0, asked, before, row.tools, row.messages[last]["content"]) if asked else None


def _words(row: Row) -> str:
    """What is learned of a row."""
    if row.messages:
        return "\n".join(m["content"] for m in row.messages if m["role"] == "assistant")
    return row.text[len(row.prompt) :]
