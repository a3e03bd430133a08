"""One row as the model sees it, in stretches of text that are learned, read, or cut off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import IntEnum
from typing import Any

from runner.data.json_rows import printable
from runner.data.raw import BadRow
from runner.data.sources import raw_row, understand
from runner.preset.data_sources import DataSource
from runner.preset.schema import Preset
from runner.train.hub import hub_rows
from runner.train.tokenise import IGNORED, Rendered, RowRenderer, length_limit

MOST_RAW = 2000


class State(IntEnum):
    """What becomes of a token."""

    READ = 0
    LEARNED = 1
    CUT = 2


def page(preset: Preset, renderer: RowRenderer, source: DataSource, number: int) -> dict[str, Any]:
    """Row `number` of a source as a page: {row, format, tokens, trained, cut, way, remarks, samples, segments: [[text,
    State], …], problem}. Segments are those of all samples, one behind the other; tokens are counted over all.

    Raises TrainingError when the source cannot be read or a template refuses the row; IndexError past the last row.
    """
    raw = raw_row(source, number, hub_rows)
    row = understand(raw, number, source)
    if isinstance(row, BadRow):
        shown = row.text or json.dumps(raw, ensure_ascii=False, default=str)
        return {"row": number, "segments": [], "problem": row.reason, "raw": printable(shown)[:MOST_RAW]}
    samples = renderer.render(row)
    limit = length_limit(preset)
    parts = [
        [[text, int(state)] for text, state in segments(renderer.tokenizer, one, limit)] for one in samples
    ]
    return {
        "row": number,
        "format": row.format.value,
        "tokens": sum(len(one.labels) for one in samples),
        "trained": sum(one.trained(limit) for one in samples),
        "cut": sum(max(0, len(one.labels) - limit) for one in samples),
        "way": samples[0].way.value if row.messages else "",
        "remarks": list(row.remarks),
        "samples": len(samples),
        "segments": [part for place, one in enumerate(parts) for part in _numbered(one, place, len(parts))],
        "problem": "",
    }


def _numbered(parts: list[Any], place: int, samples: int) -> list[Any]:
    """The segments of one of several samples, with a line that says which."""
    if samples == 1:
        return parts
    return [
        [f"{'' if place == 0 else chr(10)}── sample {place + 1} of {samples} ──\n", int(State.READ)],
        *parts,
    ]


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
