"""Failures that a person can do something about."""

from __future__ import annotations


class TrainingError(Exception):
    """Ends a run with two lines: what went wrong and where, and what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message} {hint}")


class DataError(TrainingError):
    """Data that cannot be read or used; the message names the source and the row."""
