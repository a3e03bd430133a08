"""A fixed sample of held-out rows answered at every evaluation: what a loss does not say is whether they are right."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from runner.data.errors import TrainingError
from runner.data.row import Row
from runner.insight import answers, split
from runner.preset.schema import Preset
from runner.store.events import EventLog
from runner.train.dataset import Data, fingerprint_of
from runner.train.tokenise import RowRenderer, length_limit

# A longer answer than its row's is wrong already; a few tokens more show whether it would have ended.
MARGIN = 1.25
MARGIN_TOKENS = 4
# Rows whose answers are longer are not asked: hundreds of tokens one by one would be most of an evaluation.
LONGEST_ANSWER = 256
SEVERAL = 4
REFUSALS = (TrainingError, RuntimeError, ValueError, TypeError, IndexError)


@dataclass(frozen=True)
class HeldOutQuestion:
    """The tokens of a prompt, the answer its row has, and how many tokens that is."""

    prompt: list[int]
    expected: str
    tokens: int


class Answerer:
    """Answers `eval.answer_rows` held-out rows greedily and counts the right ones."""

    def __init__(self, preset: Preset, renderer: RowRenderer, data: Data, log: EventLog, batch: int) -> None:
        self._tokenizer, self._log = renderer.tokenizer, log
        self._questions = _questions(preset, renderer, data)
        self._limit = limit(one.tokens for one in self._questions)
        # As many tokens at once as an evaluation batch has, for which there is memory.
        self._at_once = batch * max(data.longest_eval_row, 1)
        self._warned = False

    @property
    def fingerprint(self) -> str:
        """Names the questions; empty without any. Counts are compared only where it is the same."""
        if not self._questions:
            return ""
        return fingerprint_of((one.prompt, one.expected, self._limit) for one in self._questions)

    @property
    def questions(self) -> int:
        return len(self._questions)

    @property
    def limit(self) -> int:
        """The longest answer in tokens."""
        return self._limit

    def answer(self, model: Any, step: int) -> None:
        """Answer every question and write an `answers` event. One that cannot be answered counts as wrong and is
        warned about once: answers never end a run.
        """
        if not self._questions:
            return
        begun = time.monotonic()
        was_training = model.training
        model.eval()
        try:
            given = self._all(model)
        finally:
            model.train(was_training)
        found = answers.count(given)
        self._log.append(
            "answers",
            step=step,
            n=found.n,
            exact=found.exact,
            ended=found.ended,
            judgeable=found.judgeable,
            fields=dict(found.fields),
            rows=list(found.rows),
            seconds=round(time.monotonic() - begun, 3),
        )

    def _all(self, model: Any) -> list[answers.Answer]:
        given: dict[int, answers.Answer] = {}
        for places in batches([len(one.prompt) + self._limit for one in self._questions], self._at_once):
            asked = [self._questions[place] for place in places]
            given |= zip(places, self._some(model, asked), strict=True)
        return [given[place] for place in range(len(self._questions))]

    def _some(self, model: Any, asked: Sequence[HeldOutQuestion]) -> list[answers.Answer]:
        try:
            return self._generate(model, asked)
        except REFUSALS as error:
            if len(asked) > 1:
                return [one for question in asked for one in self._some(model, [question])]
            self._warn(error)
            return [answers.Answer(asked[0].expected, "", False)]

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            self._log.append(
                "warning", id="answers", message=f"A held-out row has no answer and counts as wrong: {error}"
            )

    def _generate(self, model: Any, asked: Sequence[HeldOutQuestion]) -> list[answers.Answer]:
        new = generate(model, self._tokenizer, [one.prompt for one in asked], self._limit)
        ends = ends_of(model, self._tokenizer)
        return [_answer(self._tokenizer, one, ids, ends) for one, ids in zip(asked, new, strict=True)]


def generate(model: Any, tokenizer: Any, prompts: Sequence[Sequence[int]], most: int) -> list[list[int]]:
    """Greedy continuations of at most `most` tokens, all prompts in one batch, padded at the left."""
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    width = max(map(len, prompts))
    ids = torch.tensor([[pad] * (width - len(one)) + list(one) for one in prompts], device=model.device)
    mask = torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in prompts], device=model.device)
    with torch.no_grad():
        out = model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=most,
            do_sample=False,
            use_cache=True,
            pad_token_id=pad,
        )
    return [[int(token) for token in row[width:]] for row in out]


def ends_of(model: Any, tokenizer: Any) -> set[int]:
    """The tokens that end an answer."""
    named = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    several = named if isinstance(named, list | tuple) else [named]
    return {int(one) for one in (*several, tokenizer.eos_token_id) if one is not None}


def limit(tokens: Any) -> int:
    """Tokens an answer may have: a quarter and some more than the longest expected one, with its end; 0 for none."""
    longest = max(tokens, default=0)
    return min(2 * LONGEST_ANSWER, math.ceil(MARGIN * longest) + MARGIN_TOKENS) if longest else 0


def batches(sizes: Sequence[int], at_once: int) -> list[list[int]]:
    """Places in batches of like size, each of at most `at_once` tokens with its padding, or of one row."""
    found: list[list[int]] = []
    for place in sorted(range(len(sizes)), key=lambda one: (sizes[one], one)):
        if found and (len(found[-1]) + 1) * sizes[place] <= at_once:
            found[-1].append(place)
        else:
            found.append([place])
    return found


def _answer(tokenizer: Any, asked: HeldOutQuestion, ids: Sequence[int], ends: set[int]) -> answers.Answer:
    end = next((place for place, token in enumerate(ids) if token in ends), None)
    text = tokenizer.decode(ids[:end], skip_special_tokens=True)
    return answers.Answer(asked.expected, str(text).strip(), end is not None)


def _questions(preset: Preset, renderer: RowRenderer, data: Data) -> list[HeldOutQuestion]:
    """The first of a random order of the held-out rows that have a short enough answer."""
    wanted = preset.eval.answer_rows
    longest = length_limit(preset)
    found: list[HeldOutQuestion] = []
    order = split.shuffled(len(data.held_out), preset.train.seed)
    for place in order[: SEVERAL * wanted]:
        if len(found) >= wanted:
            break
        try:
            one = _question(renderer, data.held_out[place])
        except REFUSALS:
            # The template cannot render it: training leaves it out as well.
            continue
        if one is not None and one.tokens <= LONGEST_ANSWER and len(one.prompt) + one.tokens <= longest:
            found.append(one)
    return found


def _question(renderer: RowRenderer, row: Row) -> HeldOutQuestion | None:
    """The last answer of a conversation, or a completion; None for plain text, which asks nothing, and for calls."""
    tokenizer = renderer.tokenizer
    if not row.messages:
        expected = row.text[len(row.prompt) :]
        prompt = [int(one) for one in tokenizer(row.prompt)["input_ids"]] if row.prompt else []
    else:
        last = row.answers[-1]
        expected = "" if "tool_calls" in row.messages[last] else row.messages[last]["content"]
        prompt = renderer.prompt(row.messages[:last], row.tools) if last else []
    if not prompt or not expected.strip():
        return None
    tokens = len(tokenizer(expected, add_special_tokens=False)["input_ids"])
    return HeldOutQuestion(prompt, expected.strip(), tokens)
