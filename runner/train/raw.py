"""`python -P -m runner.train.raw PRESET [[source, row], …]`: prints those rows of a preset's data as they stand.

One JSON object on standard output, {"source:row": text}. Reads any known kind of file without the training stack; a
process of its own, because a row of a large file can take seconds to reach.
"""

from __future__ import annotations

import json
import sys
from itertools import islice
from pathlib import Path

from runner.data.raw import BadRow
from runner.data.sources import raw_rows
from runner.preset.data_sources import data_sources
from runner.preset.files import load_frozen
from runner.preset.schema import Preset
from runner.train.hub import hub_rows

LONGEST = 20_000


def texts(preset: Preset, wanted: list[list[int]]) -> dict[str, str]:
    """{"source:row": the row as JSON} for the rows there are. Raises DataError when a source cannot be read."""
    found = {}
    for source in data_sources(preset.data):
        numbers = {row for which, row in wanted if which == source.number}
        if not numbers:
            continue
        for number, raw in enumerate(islice(raw_rows(source, hub_rows), max(numbers)), start=1):
            if number in numbers:
                text = (
                    raw.text
                    if isinstance(raw, BadRow)
                    else json.dumps(raw, ensure_ascii=False, indent=1, default=str)
                )
                found[f"{source.number}:{number}"] = text[:LONGEST]
    return found


def main() -> int:
    print(json.dumps(texts(load_frozen(Path(sys.argv[1])), json.loads(sys.argv[2]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
