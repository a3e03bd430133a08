"""`python -P -m runner.train.xray PRESET FOLDER KEY`: look at all the data of a preset as the trainer would.

Writes FOLDER/report.json (replaced whole, at least every second at first) and says so on standard output, one JSON
object a line: {"type": "report"}, {"type": "page", …}, {"type": "error", "message", "hint"}. Standard input takes
{"source": "train", "row": 17} and is answered with that page, also while the examination goes on. It ends when the
examination is complete and standard input is closed.
"""

from __future__ import annotations

import json
import os
import resource
import select
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from runner import host
from runner.data.errors import TrainingError
from runner.data.json_rows import parse_line
from runner.data.raw import BadRow
from runner.data.row import Row
from runner.data.sources import container_of, raw_rows, scan, understand, wanted_numbers
from runner.insight import split
from runner.insight.data_json import report_from_json
from runner.preset.data_sources import TRAIN, DataSource, data_sources
from runner.preset.files import load_frozen
from runner.preset.schema import Preset
from runner.store.directory import read_json, write_json
from runner.train import pages
from runner.train.chat_template import RefusedRowError
from runner.train.columns import SourceRows
from runner.train.examine import Examination
from runner.train.explain import explain
from runner.train.hub import hub_rows
from runner.train.row_clock import RowClock
from runner.train.tokenise import RowRenderer

# Files with more rows are looked at here and there first, so that there is an answer within seconds.
SAMPLED_FROM = 20_000
SAMPLE_ROWS = 2_000
REPORT_SECONDS = 1.0
# A report over many rows takes time of its own; it gets at most a tenth.
REPORT_SHARE = 10
# Of the memory that is free.
MEMORY_SHARE = 0.75


class Xray:
    """One examination, and the pages people ask for meanwhile."""

    def __init__(self, preset: Preset, folder: Path, key: str) -> None:
        from runner.train.tokenizer import load_tokenizer, template_name

        self._preset = preset
        self._folder = folder
        self._key = key
        self._renderer = RowRenderer.of(
            preset, load_tokenizer(preset), clock=RowClock(say_error, template=template_name(preset))
        )
        self._sources = {source.name: source for source in data_sources(preset.data)}
        self._started = time.monotonic()
        self._input_open = True
        self._buffer = b""
        self._next_report = self._started + REPORT_SECONDS / 2

    def examine(self) -> None:
        """Look at a sample, then at everything; at nothing when that was done before."""
        known = report_from_json(read_json(self._folder / "report.json"))
        if known is not None and known.complete and known.key == self._key:
            say(type="report", complete=True)
            return
        expected = {name: expected_rows(source) for name, source in self._sources.items()}
        if (expected[TRAIN] or 0) > SAMPLED_FROM:
            self._write(self._look(expected, sampled=True), complete=False, sampled=True)
        self._write(self._look(expected, sampled=False), complete=True)

    def serve(self) -> None:
        """Answer until its input is closed."""
        while self._input_open:
            self._answer(wait=None)

    def _look(self, expected: dict[str, int | None], sampled: bool) -> Examination:
        found = Examination(self._preset, self._renderer, self._key)
        # All of them at once: without a source for `eval` rows would be held out of the training rows meanwhile.
        seen = {
            name: found.source(name, source.dataset, expected[name], notes_of(source), columns_of(source))
            for name, source in self._sources.items()
        }
        for name, source in self._sources.items():
            for row in _some(source, expected[name]) if sampled else scan(source, hub_rows):
                self._add(found, seen[name], row)
                if seen[name].read % 64 == 0:
                    self._answer(wait=0.0)
                    if not sampled and time.monotonic() > self._next_report:
                        self._write(found, complete=False)
        return found

    def _add(self, found: Examination, source: SourceRows, row: Row | BadRow) -> None:
        if isinstance(row, BadRow):
            found.add(source, row, [])
            return
        try:
            found.add(source, row, self._renderer.render(row))
        except RefusedRowError as error:
            skips = self._preset.data.on_bad_rows == "skip"
            found.add(source, BadRow(row.number, error.message, is_left_out=skips), [])

    def _write(self, found: Examination, complete: bool, sampled: bool = False) -> None:
        begun = time.monotonic()
        report = found.report(complete, sampled, begun - self._started)
        write_json(self._folder / "report.json", report.as_json())
        say(type="report", complete=complete)
        cost = time.monotonic() - begun
        self._next_report = time.monotonic() + max(REPORT_SECONDS, REPORT_SHARE * cost)

    def _answer(self, wait: float | None) -> None:
        """Answer what was asked; `wait` is how long to wait for it in seconds, None for as long as it takes."""
        if not self._input_open or not select.select([sys.stdin.fileno()], [], [], wait)[0]:
            return
        data = os.read(sys.stdin.fileno(), 1 << 16)
        self._input_open = bool(data)
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._answer_one(line)

    def _answer_one(self, line: bytes) -> None:
        try:
            asked = json.loads(line)
            name, number = str(asked["source"]), int(asked["row"])
            say(
                type="page",
                source=name,
                **pages.page(self._preset, self._renderer, self._sources[name], number),
            )
        except TrainingError as error:
            say(type="page", source=name, row=number, segments=[], problem=error.message)
        except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError) as error:
            say(type="page", source="", row=0, segments=[], problem=str(error))


def notes_of(source: DataSource) -> list[str]:
    """How a source is read, where its name does not say that."""
    container = container_of(source)
    return [] if container is None else container.remarks


def columns_of(source: DataSource) -> list[str]:
    """The columns of the first row of a source; none where it is no object."""
    first = next(iter(raw_rows(source, hub_rows)), None)
    return [] if first is None or isinstance(first, BadRow) else [str(name) for name in first]


def expected_rows(source: DataSource) -> int | None:
    """How many rows of a source are looked at, where that is cheap to know."""
    container = container_of(source)
    rows = container.count() if container is not None else None
    if rows is None:
        return None
    wanted = wanted_numbers(source)
    return len(range(wanted.start, min(wanted.stop, rows + 1))) - sum(
        number <= rows and number in wanted for number in source.skipped
    )


def _some(source: DataSource, expected: int | None) -> Iterator[Row | BadRow]:
    """Rows spread evenly at random over a file by lines; the first rows of anything else."""
    container = container_of(source)
    if container is not None and container.is_by_lines and expected:
        wanted = wanted_numbers(source)
        chosen: Iterable[int] = split.sample(expected + len(source.skipped), SAMPLE_ROWS, seed=0)
        places = iter(chain(chosen, [-1]))
        next_row = next(places)
        for place, line in enumerate(islice(container.lines(), wanted.start - 1, wanted.stop - 1)):
            if place == next_row:
                number = wanted.start + place
                if number not in source.skipped:
                    yield understand(parse_line(line), number, source)
                next_row = next(places)
        return
    yield from islice(scan(source, hub_rows), SAMPLE_ROWS)


def say(**message: Any) -> None:
    """One line for the process that started this one."""
    print(json.dumps(message, ensure_ascii=True), flush=True)


def say_error(message: str, hint: str) -> None:
    """That the examination ends, and why."""
    say(type="error", message=message, hint=hint)


def bound_memory() -> None:
    """A template that writes without end meets a MemoryError here instead of the kernel's choice of what to kill."""
    used, total = host.memory_mib()
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = int((total - used) * host.MIB * MEMORY_SHARE)
    resource.setrlimit(resource.RLIMIT_DATA, (most if hard < 0 else min(most, hard), hard))


def main() -> int:
    preset, folder, key = load_frozen(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3]
    bound_memory()
    try:
        xray = Xray(preset, folder, key)
        xray.examine()
        xray.serve()
    except Exception as error:
        words = explain(error)
        say_error(words.message, words.hint)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
