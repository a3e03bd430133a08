"""A few fixed prompts answered at every evaluation: what the loss does not show."""

from __future__ import annotations

import time
from typing import Any

import torch

from runner.insight.copying import TrainingText
from runner.preset.schema import Preset
from runner.run.events import EventLog
from runner.train.dataset import Data
from runner.train.errors import TrainingError
from runner.train.rows import Row
from runner.train.tokenise import render

OWN_PROMPTS = 3
LONGEST_PROMPT = 2000


class Sampler:
    """Answers the preset's prompts, or the questions of the first held-out rows, greedily, so that answers of different
    checkpoints can be compared.
    """

    def __init__(self, preset: Preset, tokenizer: Any, data: Data, log: EventLog) -> None:
        self._tokenizer = tokenizer
        self._log = log
        self._most = preset.eval.sample_max_new_tokens
        prompts = _prompts(preset, data) if self._most else []
        # With its place, which stays when another is left out: answers are compared by it.
        self._prompts = [(place, *prompt) for place, prompt in enumerate(prompts)]
        self._data = data
        self._text: TrainingText | None = None

    def answer(self, model: Any, step: int) -> None:
        """Answer every prompt and write a `sample` event for each. A prompt that cannot be answered is warned about
        once and left out from then on: samples never end a run.
        """
        for place, prompt, messages, expected in list(self._prompts):
            begun = time.monotonic()
            try:
                text = self._generate(model, prompt, messages)
            except (TrainingError, RuntimeError, ValueError, TypeError) as error:
                self._log.append(
                    "warning",
                    id="sample",
                    message=f"The sample prompt {prompt[:60]!r} has no answer: {error}",
                )
                self._prompts = [item for item in self._prompts if item[0] != place]
                continue
            copied = self._training_text().copied(text, prompt)
            self._log.append(
                "sample",
                step=step,
                prompt_id=place,
                prompt=prompt,
                text=text,
                expected=expected,
                copied=None
                if copied is None
                else {
                    "row": list(copied.row),
                    "start": copied.start,
                    "end": copied.end,
                    "words": copied.words,
                },
                seconds=round(time.monotonic() - begun, 3),
            )

    def _training_text(self) -> TrainingText:
        if self._text is None:
            self._text = TrainingText(((row.source, row.number), _words(row)) for row in self._data.learned)
        return self._text

    def _generate(self, model: Any, prompt: str, messages: list[dict[str, str]]) -> str:
        text = render(self._tokenizer, messages, generate=True) if messages else prompt
        inputs = self._tokenizer(text, return_tensors="pt", add_special_tokens=not messages).to(model.device)
        was_training = model.training
        model.eval()
        with torch.no_grad():
            ids = model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                max_new_tokens=self._most,
                do_sample=False,
                use_cache=True,
                pad_token_id=self._tokenizer.pad_token_id
                if self._tokenizer.pad_token_id is not None
                else self._tokenizer.eos_token_id,
            )
        model.train(was_training)
        new = ids[0][inputs["input_ids"].shape[1] :]
        return str(self._tokenizer.decode(new, skip_special_tokens=True)).strip()


def _prompts(preset: Preset, data: Data) -> list[tuple[str, list[dict[str, str]], str]]:
    """(prompt in words, the conversation up to the answer, what the row answers)."""
    chats = any(row.messages for row in data.learned)
    if preset.eval.sample_prompts:
        return [
            (text, [{"role": "user", "content": text}] if chats else [], "")
            for text in preset.eval.sample_prompts
        ]
    found = [_question(row) for row in data.held_out[: 4 * OWN_PROMPTS]]
    return [item for item in found if item is not None and len(item[0]) <= LONGEST_PROMPT][:OWN_PROMPTS]


def _question(row: Row) -> tuple[str, list[dict[str, str]], str] | None:
    if not row.messages:
        # Half of a plain text is a prompt as good as any.
        start = row.prompt or row.text[: min(200, len(row.text) // 2)]
        return (start, [], row.text[len(start) :]) if start else None
    last = max(i for i, message in enumerate(row.messages) if message["role"] == "assistant")
    before = [dict(message) for message in row.messages[:last]]
    asked = next((m["content"] for m in reversed(before) if m["role"] == "user"), "")
    return (asked, before, row.messages[last]["content"]) if asked else None


def _words(row: Row) -> str:
    """What is learned of a row."""
    if row.messages:
        return "\n".join(m["content"] for m in row.messages if m["role"] == "assistant")
    return row.text[len(row.prompt) :]
