"""The table of faults, from the reports of pytest: what happens, what must be true, and whether it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

RESULTS = Path(__file__).parent / "RESULTS.md"
HEAD = "<!-- Made by `make faults` (python -m tests.faults); do not edit. -->"
OK, FAILED, SKIPPED = "ok", "FAILED", "skipped"


@dataclass
class Fault:
    """A row; `order` is its place among all tests, `why` what it was skipped for."""

    order: int
    what: str
    must: str
    result: str = OK
    seconds: float = 0.0
    why: str = ""


class FaultTable:
    """A pytest plugin that collects rows. conftest.py puts the words into the reports of all processes."""

    def __init__(self) -> None:
        self._rows: dict[str, Fault] = {}
        self._others: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        words = dict(report.user_properties).get("fault")
        if words is None:
            self._others[report.nodeid] = self._worse(self._others.get(report.nodeid, OK), report)
            return
        assert isinstance(words, list | tuple)
        order, what, must = words
        row = self._rows.setdefault(report.nodeid, Fault(int(order), str(what), str(must)))
        row.result = self._worse(row.result, report)
        row.seconds += report.duration
        if report.skipped:
            row.why = _reason(report)

    @staticmethod
    def _worse(result: str, report: pytest.TestReport) -> str:
        if report.failed or result == FAILED:
            return FAILED
        return SKIPPED if report.skipped or result == SKIPPED else result

    @property
    def rows(self) -> list[Fault]:
        return sorted(self._rows.values(), key=lambda row: row.order)

    @property
    def others(self) -> tuple[int, int]:
        """(tests without a row, those of them that failed)."""
        return len(self._others), sum(result == FAILED for result in self._others.values())


def _reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return str(report.longrepr)


def as_text(rows: Iterable[Fault]) -> str:
    """For a terminal: number, fault, what must be true, result, seconds."""
    lines = []
    for number, row in enumerate(rows, 1):
        why = f" ({row.why})" if row.why else ""
        lines.append(f"{number:>3}  {row.result:<7}  {row.seconds:5.1f} s  {row.what}")
        lines.append(f"{'':>24}→ {row.must}{why}")
    return "\n".join(lines)


def as_markdown(rows: list[Fault]) -> str:
    """The same without seconds, so that two of them differ only where something changed."""
    counts = {result: sum(row.result == result for row in rows) for result in (OK, FAILED, SKIPPED)}
    lines = [
        HEAD,
        "",
        f"{len(rows)} faults: "
        + ", ".join(f"{count} {result}" for result, count in counts.items() if count)
        + ". After each, no logged step and no finished checkpoint may be lost.",
        "",
        "| # | what happens | what must be true | |",
        "|--:|---|---|---|",
    ]
    for number, row in enumerate(rows, 1):
        why = f": {row.why}" if row.why else ""
        lines.append(f"| {number} | {_cell(row.what)} | {_cell(row.must)} | {row.result}{_cell(why)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
