"""The columns of a row under the names ftui looks for, and which of them were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.data.row import RowError, is_none, text_of
from runner.preset.reading import Reading


class Columns:
    """One row, by column. Capitals and blanks in names do not count."""

    def __init__(self, raw: Mapping[str, Any], reading: Reading) -> None:
        self._raw = raw
        self._given = {key: value for key, value in raw.items() if isinstance(key, str)}
        if any(key != key.strip().lower() for key in self._given):
            self._given = {key.strip().lower(): value for key, value in self._given.items()} | {
                key: value for key, value in self._given.items() if key == key.strip().lower()
            }
        self._names = {ours: theirs.strip().lower() for ours, theirs in reading.columns.items()}
        self._used = {*(name.strip().lower() for name in reading.drop)}
        missing = [name for name in reading.columns.values() if name.strip().lower() not in self._given]
        if missing:
            raise RowError(f"has no column {missing[0]}, which data.columns names; it has {self.names}")

    def has(self, *names: str) -> bool:
        return all(not is_none(self.value(name)) for name in names)

    def value(self, name: str) -> Any:
        """The value of a column, None for none; it does not count as used yet."""
        theirs = self._names.get(name, name)
        is_dropped = name in self._used and name not in self._names
        taken = theirs in self._names.values() and self._names.get(name) != theirs
        return None if is_dropped or taken else self._given.get(theirs)

    def take(self, name: str) -> Any:
        """The value of a column, None for none; it counts as used."""
        value = self.value(name)
        self._used.add(self._names.get(name, name))
        return None if is_none(value) else value

    def text(self, name: str) -> str:
        """A column that is text; empty without one. Raises RowError."""
        value = self.take(name)
        text = "" if value is None else text_of(value)
        if text is None:
            raise RowError(f"its {self._names.get(name, name)} is {type(value).__name__}, not text")
        return text

    @property
    def names(self) -> str:
        return ", ".join(str(key) for key in self._raw) or "no keys at all"

    def unused(self) -> list[str]:
        """The columns nothing was made of and that are not empty."""
        return [
            key
            for key, value in self._given.items()
            if key not in self._used and value not in (None, "", [], {}) and not is_none(value)
        ]
