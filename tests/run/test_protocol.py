"""What of a record is protocol stays as it is, whatever is secret; what is text does not."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.insight.diagnosis.verdict import diagnose
from runner.preset.files import load_frozen
from runner.redaction.blotting import look_again
from runner.store import protocol
from runner.store.directory import RunDirectory, read_json, write_json
from runner.store.history import read_history
from runner.store.jsonl import LineTail, LineWriter
from runner.store.summary import summarise
from tests.conftest import ROOT

RECORDED = sorted((ROOT / "tests/data/runs").iterdir())
# Of those that the recorded runs have; whatever is added to a record belongs here or into protocol.WORDS.
TEXTS = {"argv", "cwd", "headline", "reason", "prompt", "text", "expected", "arguments"}


def strings(value: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """(field, text) of every text in a value."""
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, dict):
        for key, item in value.items():
            inside = field in protocol.NAMED_WORDS or field == "arguments"
            yield from strings(item, field if inside else key)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item, field)


def records(run: RunDirectory) -> list[dict[str, Any]]:
    lines = [line for path in (run.events, run.system, run.rows) for line in LineTail(path).read_all()]
    return [read_json(run.state), read_json(run.run), *lines]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda path: path.name)
def test_with_every_word_of_a_run_as_a_secret_it_is_read_as_before(
    recorded: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = RunDirectory(recorded), RunDirectory(home / "runs" / recorded.name)
    after.path.mkdir(parents=True)
    shutil.copy(before.preset, after.preset)
    found = [one for record in records(before) for one in strings(record)]
    secrets = {text for _, text in found if len(text) >= 8}
    assert {"training", "finished", "loading model"} <= secrets
    for number, value in enumerate(secrets):
        monkeypatch.setenv(f"SECRET_{number}", value)
    look_again()
    for path, target in ((before.state, after.state), (before.run, after.run)):
        write_json(target, read_json(path))
    for path, target in ((before.events, after.events), (before.system, after.system)):
        with LineWriter(target) as lines:
            for record in LineTail(path).read_all():
                lines.append(record)
    monkeypatch.undo()
    look_again()

    def told(run: RunDirectory) -> tuple[object, ...]:
        history = read_history(run)
        summary = summarise(history, diagnose(history.curves()))
        record = read_json(run.run)
        checkpoints = [
            (one["step"], one["path"])
            for one in LineTail(run.events).read_all()
            if one["type"] == "checkpoint"
        ]
        texts = ("argv", "cwd")
        return (
            {key: value for key, value in summary.items() if key != "reason"},
            {key: value for key, value in record.items() if key not in texts},
            checkpoints,
            history.plan,
            load_frozen(run.preset).method,
        )

    assert told(after) == told(before)
    kept = {text for record in records(after) for field, text in strings(record) if field in TEXTS}
    assert not [text for text in kept if any(secret in text for secret in secrets)]


def test_every_text_field_of_recorded_runs_is_known_as_one_or_the_other() -> None:
    fields = {
        field
        for path in RECORDED
        for record in records(RunDirectory(path))
        for field, text in strings(record)
        if text not in ("NaN", "Infinity", "-Infinity")
    }
    assert fields - protocol.WORDS - protocol.NAMED_WORDS == TEXTS


def test_numbers_are_written_as_json_has_them() -> None:
    written = protocol.as_written({"a": math.nan, "b": [math.inf, -math.inf, 1.5, 3, True, None]})
    assert json.dumps(written) == '{"a": "NaN", "b": ["Infinity", "-Infinity", 1.5, 3, true, null]}'
