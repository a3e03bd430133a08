"""Preferences (DPO) and labelled answers (KTO): no data for supervised fine-tuning, but for their good answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.data import templated
from runner.data.chats import chat, turns_of
from runner.data.columns import Columns
from runner.data.row import LeftOutError, Row, RowError, RowFormat, switch_of, text_of
from runner.preset.reading import Reading

QUESTIONS = ("prompt", "question", "instruction", "input", "query", "problem", "user", "human")
ANSWERS = frozenset(("completion", "response", "answer", "output", "solution", "assistant"))
LABELS = ("label", "kto_tag")
_LABELS = frozenset(LABELS)
CHATS = {"messages": RowFormat.MESSAGES, "conversations": RowFormat.SHAREGPT}
CHATS |= dict.fromkeys(("conversation", "dialogue", "dialog", "chat", "turns"), RowFormat.MESSAGES)


def preference(columns: Columns, number: int, reading: Reading) -> Row:
    """A question with a better and a worse answer. `chosen` may be an answer, its turn, or the whole conversation."""
    if not reading.takes_chosen:
        raise RowError(
            "is a preference (chosen and rejected), which is no supervised fine-tuning; "
            "`data.prefer: chosen` learns the chosen answer"
        )
    chosen = columns.take("chosen")
    columns.take("rejected")
    before = _before(columns)
    # With a question of its own the chosen text is the answer, whatever it looks like.
    if isinstance(chosen, str) and not before and (turns := templated.turns_of(chosen)) is not None:
        chosen = turns
    if isinstance(chosen, str):
        chosen = [{"role": "assistant", "content": chosen}]
    after = turns_of(chosen, "chosen")
    if not before and not _asks(after):
        raise RowError(
            "has a chosen answer and no question that is known; data.columns: {prompt: …} names its column"
        )
    is_whole = len(after) > 1 and after[: len(before)] == before
    turns = after if is_whole or _asks(after) else [*before, *after]
    context = 0 if turns is after else len(before)
    return chat(columns, turns, number, RowFormat.MESSAGES, reading, context=context)


def _before(columns: Columns) -> list[Any]:
    """The turns before the chosen answer."""
    for name in (*QUESTIONS, *CHATS):
        if columns.has(name):
            before = columns.take(name)
            if isinstance(before, str) and name in CHATS:
                return turns_of(before, name)
            if isinstance(before, str):
                parts = [
                    columns.text("context"),
                    before,
                    columns.text("input") if name == "instruction" else "",
                ]
                question = "\n\n".join(part for part in parts if part.strip())
                return [{"role": "user", "content": question}] if question else []
            return turns_of(before, name)
    return []


def _asks(turns: list[Any]) -> bool:
    """Whether turns begin with a question, and so are a whole conversation."""
    first = turns[0]
    return isinstance(first, Mapping) and first.get("role", first.get("from")) in ("user", "human", "system")


def heed_label(columns: Columns, reading: Reading) -> None:
    """KTO: an answer, and whether it is a good one. Raises RowError, or LeftOutError for one that is not wanted."""
    if not columns.any_of(_LABELS):
        return
    name = next((one for one in LABELS if columns.has(one)), "")
    good, is_answer = (
        switch_of(columns.value(name)),
        columns.any_of(ANSWERS) or columns.any_of(frozenset(CHATS)),
    )
    # 0 and 1 beside other answers than completions may be classes.
    if (
        good is None
        or not is_answer
        or (not columns.has("completion") and text_of(columns.value(name)) in ("0", "1"))
    ):
        return
    if not reading.takes_chosen:
        raise RowError(
            f"is an answer with a {name} (KTO), which is no supervised fine-tuning; "
            "`data.prefer: chosen` learns those labelled true"
        )
    columns.take(name)
    if not good:
        raise LeftOutError(f"its {name} is false, and data.prefer takes those labelled true")
