"""The columns of a row under the names ftui looks for, and which of them were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.data.row import RowError, text_of
from runner.preset.reading import Reading


class Columns:
    """One row, by column. Capitals and blanks in names do not count; a column that is null is not there."""

    def __init__(self, raw: Mapping[str, Any], reading: Reading) -> None:
        self._raw = raw
        self._theirs: Mapping[str, str] = reading.columns
        self._values = {
            key: value
            for key, value in raw.items()
            # NaN is the only value that is not itself.
            if value is not None and value == value and isinstance(key, str)
        }
        if not all(key.islower() and key.isidentifier() for key in self._values):
            self._values = _plain_names(self._values)
        if reading.columns or reading.drop:
            self._values = self._renamed(reading)
        self._unused = dict.fromkeys(self._values)

    def _renamed(self, reading: Reading) -> dict[str, Any]:
        """The columns under the names the preset gives them, without those that are dropped. Raises RowError."""
        there = {str(key).strip().lower() for key in self._raw}
        wanted = {ours: theirs.strip().lower() for ours, theirs in reading.columns.items()}
        for ours, theirs in wanted.items():
            if theirs not in there:
                name = reading.columns[ours]
                raise RowError(f"has no column {name}, which data.columns names; it has {self.names}")
        left_out = {*(name.strip().lower() for name in reading.drop), *wanted, *wanted.values()}
        kept = {name: value for name, value in self._values.items() if name not in left_out}
        return kept | {
            ours: self._values[theirs] for ours, theirs in wanted.items() if theirs in self._values
        }

    def has(self, *names: str) -> bool:
        return all(name in self._values for name in names)

    def any_of(self, names: frozenset[str]) -> bool:
        """Whether one of these columns is there."""
        return not names.isdisjoint(self._values)

    def value(self, name: str) -> Any:
        """The value of a column, None for none; it does not count as used yet."""
        return self._values.get(name)

    def take(self, name: str) -> Any:
        """The value of a column, None for none; it counts as used."""
        self._unused.pop(name, None)
        return self._values.get(name)

    def text(self, name: str) -> str:
        """A column that is text; empty without one. Raises RowError."""
        value = self.take(name)
        text = "" if value is None else text_of(value)
        if text is None:
            raise RowError(f"its {self._theirs.get(name, name)} is {type(value).__name__}, not text")
        return text

    @property
    def names(self) -> str:
        return ", ".join(str(key) for key in self._raw) or "no keys at all"

    def unused(self) -> list[str]:
        """The columns nothing was made of and that are not empty."""
        return [name for name in self._unused if self._values[name] not in ("", [], {})]


def _plain_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns by their names in small letters without blanks; one that is so already goes first."""
    plain = {key.strip().lower(): value for key, value in values.items()}
    return plain | {key: value for key, value in values.items() if key == key.strip().lower()}
