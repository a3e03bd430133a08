"""A report of the X-ray out of its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from runner.insight.data import DEFECTS, SCHEMA, DataReport, Defects, Note, Remark, Source


def report_from_json(value: Mapping[str, Any]) -> DataReport | None:
    """A report out of report.json; None when it is none of this version."""
    if value.get("schema") != SCHEMA:
        return None
    try:
        known = {item.name for item in fields(DataReport)}
        plain = {key: item for key, item in value.items() if key in known}
        for kind in DEFECTS:
            plain[kind.field] = _defects(plain[kind.field])
        for name in ("lengths", "eval_lengths"):
            plain[name] = {int(length): int(count) for length, count in plain[name].items()}
        plain["ways"] = {str(way): int(count) for way, count in plain["ways"].items()}
        plain["sources"] = tuple(_source(source) for source in plain["sources"])
        report = DataReport(**plain)
        parts: tuple[DataReport | Source, ...] = (report, *report.sources)
        for part in parts:
            for item in fields(part):
                got = getattr(part, item.name)
                if item.type in ("int", "str", "bool") and type(got).__name__ != item.type:
                    raise TypeError(item.name)
        return report
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _source(value: Mapping[str, Any]) -> Source:
    remarks = (Remark(str(one["text"]), int(one["count"]), int(one["first"])) for one in value["remarks"])
    made = {
        "bad": _defects(value["bad"]),
        "left_out": _defects(value["left_out"]),
        "notes": tuple(str(one) for one in value["notes"]),
        "columns": tuple(str(one) for one in value["columns"]),
        "remarks": tuple(remarks),
    }
    return Source(**{**value, **made})


def _defects(value: Mapping[str, Any]) -> Defects:
    return Defects(int(value["count"]), tuple(Note(int(n["row"]), str(n["text"])) for n in value["notes"]))
