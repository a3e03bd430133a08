"""Preferences (DPO) and labelled answers (KTO): no data for supervised fine-tuning, but for their good answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.data import templated
from runner.data.chats import chat, turns_of
from runner.data.columns import Columns
from runner.data.row import LeftOutError, Row, RowError, RowFormat
from runner.preset.reading import Reading

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
    before: Any = next(
        (columns.take(name) for name in ("prompt", "question", "instruction", *CHATS) if columns.has(name)),
        [],
    )
    if isinstance(before, str):
        before = [{"role": "user", "content": before}] if before else []
    if isinstance(chosen, str) and (turns := templated.turns_of(chosen)) is not None:
        chosen = turns
    if isinstance(chosen, str):
        chosen = [{"role": "assistant", "content": chosen}]
    after = turns_of(chosen, "chosen")
    is_whole = len(after) > 1 and after[: len(before)] == before
    turns = after if is_whole or _asks(after) else [*before, *after]
    context = 0 if turns is after else len(before)
    return chat(columns, turns, number, RowFormat.MESSAGES, reading, context=context)


def _asks(turns: list[Any]) -> bool:
    """Whether turns begin with a question, and so are a whole conversation."""
    first = turns[0]
    return isinstance(first, Mapping) and first.get("role", first.get("from")) in ("user", "human", "system")


def heed_label(columns: Columns, reading: Reading) -> None:
    """KTO: an answer, and whether it is a good one. Raises RowError, or LeftOutError for one that is not wanted."""
    if not columns.any_of(_LABELS):
        return
    name = next((one for one in LABELS if isinstance(columns.value(one), bool)), None)
    if name is None or not any(columns.has(one) for one in ("completion", *CHATS)):
        return
    if not reading.takes_chosen:
        raise RowError(
            f"is an answer with a {name} (KTO), which is no supervised fine-tuning; "
            "`data.prefer: chosen` learns those labelled true"
        )
    if columns.take(name) is False:
        raise LeftOutError(f"its {name} is false, and data.prefer takes those labelled true")
