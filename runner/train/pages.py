"""One row as the model sees it, in stretches of text that are learned, read, or cut off."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from itertools import islice
from pathlib import Path
from typing import Any

from runner.preset.data_sources import DataSource
from runner.preset.schema import Preset
from runner.train.sources import BadRow, lines, parse_line, raw_rows, understand
from runner.train.tokenise import IGNORED, Rendered, length_limit, render_row

MOST_RAW = 2000


class State(IntEnum):
    """What becomes of a token."""

    READ = 0
    LEARNED = 1
    CUT = 2


def page(preset: Preset, tokenizer: Any, source: DataSource, number: int) -> dict[str, Any]:
    """Row `number` of a source as a page: {row, format, tokens, trained, cut, segments: [[text, State]], problem}.

    Raises TrainingError when the source cannot be read or a template refuses the row; IndexError past the last row.
    """
    raw = _raw_row(source, number)
    row = understand(raw, number)
    if isinstance(row, BadRow):
        shown = row.text or str(raw)
        return {"row": number, "segments": [], "problem": row.reason, "raw": shown[:MOST_RAW]}
    rendered = render_row(tokenizer, row, preset.train.assistant_only_loss)
    limit = length_limit(preset)
    labels = rendered.labels
    return {
        "row": number,
        "format": row.format.value,
        "tokens": len(labels),
        "trained": sum(label != IGNORED for label in labels[1:limit]),
        "cut": max(0, len(labels) - limit),
        "segments": [[text, int(state)] for text, state in segments(tokenizer, rendered, limit)],
        "problem": "",
    }


def segments(tokenizer: Any, rendered: Rendered, limit: int) -> Iterator[tuple[str, State]]:
    """The text of a row cut where the state of its tokens changes. Joined, the texts are what the model reads, with
    special tokens that were added written out.
    """
    text, place = "", 0
    state = State.READ
    tokens = list(zip(rendered.input_ids, rendered.labels, rendered.offsets, strict=True))
    for index, (token, label, (start, end)) in enumerate(tokens):
        now = State.CUT if index >= limit else State.LEARNED if label != IGNORED else State.READ
        added = start == end
        if now is not state:
            # Text between two tokens goes with the one before it.
            if not added and start > place:
                text, place = text + rendered.text[place:start], start
            if text:
                yield text, state
            text, state = "", now
        if added:
            # What no token covers stands before a token that was added behind it.
            text, place = text + rendered.text[place:start], max(place, start)
            text += str(tokenizer.convert_ids_to_tokens(token))
        elif end > place:
            text, place = text + rendered.text[place:end], end
    text += rendered.text[place:]
    if text:
        yield text, state


def _raw_row(source: DataSource, number: int) -> Any:
    """One raw row; lines of a .jsonl file before it are skipped without being understood."""
    path = Path(source.dataset)
    if source.is_local and path.suffix == ".jsonl" and path.is_file():
        found = next(islice(lines(path), number - 1, None), None)
        if found is None:
            raise IndexError(f"there is no row {number}")
        return parse_line(found[1], found[0])
    for raw in islice(raw_rows(source), number - 1, None):
        return raw
    raise IndexError(f"there is no row {number}")
