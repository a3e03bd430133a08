"""How the rows of a preset are to be read: the settings of the section data that say what a row means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# What a column can be. Its own name needs no mention; data.columns names others.
COLUMNS = (
    "messages", "prompt", "completion", "instruction", "input", "output", "question", "answer",
    "text", "system", "history", "tools", "chosen", "rejected", "label",
)  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """`columns` names the columns that hold what ftui looks for, {ours: theirs}; `drop` those that are passed over.

    `takes_chosen`: preference rows are learned by their chosen answer. `merges_system`: the system prompt goes into the
    first question. `splits_text`: plain text with a chat in it is read as that chat. `skips_bad`: rows that cannot be
    used are left out. `encoding` is that of text files, None to be found.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    drop: frozenset[str] = frozenset()
    takes_chosen: bool = False
    merges_system: bool = False
    splits_text: bool = False
    skips_bad: bool = False
    encoding: str | None = None


AS_IT_IS = Reading()
