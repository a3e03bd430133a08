"""A row of the data as the model sees it, as it is shown. No textual here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from runner import plain_text


class Stretch(IntEnum):
    """What becomes of a stretch of text; the numbers are those of runner/train/pages.py."""

    READ = 0
    LEARNED = 1
    CUT = 2


@dataclass(frozen=True)
class DataPage:
    """One row: its stretches of text in order, tokens in all, learned and cut, over all of its samples; `remarks` say
    what of it is used otherwise than it stands there; `problem` when it cannot be used.
    """

    source: str
    row: int
    format: str = ""
    tokens: int = 0
    trained: int = 0
    cut: int = 0
    remarks: tuple[str, ...] = ()
    samples: int = 1
    segments: tuple[tuple[str, Stretch], ...] = ()
    problem: str = ""
    raw: str = ""


def page_of(message: Mapping[str, Any]) -> DataPage:
    """A page out of what the X-ray says; its texts are made safe to show."""
    segments = message.get("segments")
    return DataPage(
        source=str(message.get("source", "train")),
        row=_whole(message.get("row")),
        format=str(message.get("format", "")),
        tokens=_whole(message.get("tokens")),
        trained=_whole(message.get("trained")),
        cut=_whole(message.get("cut")),
        remarks=tuple(plain_text.lines(str(one)) for one in message.get("remarks") or ()),
        samples=_whole(message.get("samples")) or 1,
        segments=tuple((plain_text.lines(str(text)), Stretch(state)) for text, state in segments)
        if isinstance(segments, list)
        else (),
        problem=plain_text.lines(str(message.get("problem", ""))),
        raw=plain_text.lines(str(message.get("raw", ""))),
    )


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
