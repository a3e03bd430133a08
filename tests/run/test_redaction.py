"""No token gets into a run's directory, whatever prints or records it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.preset import files
from runner.redaction.blotting import look_again, redacted
from runner.store.directory import RunDirectory
from runner.store.jsonl import LineWriter
from runner.supervision import launch, trainer_process
from tests.run.conftest import Scripted
from tests.run.scenes import phase, plan, scripted_lines, step
from tests.run.test_supervise import over

TOKEN = "hf_" + "aB3" * 12
KEY = "0123456789abcdef" * 2 + "deadbeef"


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment is looked at once in a process's life; here it changes."""
    monkeypatch.setenv("NETRC", "/nonexistent")
    look_again()
    yield
    look_again()


@pytest.mark.parametrize(
    "secret", ['qu"ote and back\\slash', "pässwörd-ünd", "two\nlines\tof it", "a'b\"c'd\\e"]
)
def test_a_secret_is_blotted_out_of_a_line_of_json_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("DB_PASSWORD", secret)
    assert redacted(f"in {secret}.") == "in •••."
    path = tmp_path / "events.jsonl"
    LineWriter(path).append({"reason": f"401 for {secret}!", "n": 1})
    assert json.loads(path.read_text()) == {"reason": "401 for •••!", "n": 1}


def files_with(run: RunDirectory, text: str) -> list[str]:
    return [
        str(path.relative_to(run.path))
        for path in run.path.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    ]


def test_nothing_in_a_run_directory_holds_a_token(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Printed by the trainer, in an error, in the reason of the end, in the command line that started it."""
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setattr(sys, "argv", ["ftui", "run", "demo", "--set", f"report.run_name={KEY}"])
    run = scripted(
        "guard",
        *scripted_lines(phase("training"), plan(), step(1)),
        f"print logged in with {KEY} and {TOKEN}",
        *scripted_lines({"type": "warning", "id": "x", "message": f"key {KEY}"}),
        *scripted_lines({"type": "end", "status": "failed", "reason": f"401 for {TOKEN}"}),
    )
    over(run)
    assert files_with(run, KEY) == []
    assert files_with(run, TOKEN) == []
    assert "logged in with •••" in run.console.read_text()
    assert "•••" in run.events.read_text()
    assert "•••" in run.run.read_text()


def test_the_real_trainers_console_and_error_hold_none(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key in a path of the preset that cannot be read comes back in the exception."""
    secret = "s3cr3t-in-a-path"
    monkeypatch.setenv("OUR_API_KEY", secret)
    model = tmp_path / secret
    model.mkdir()
    run = launch.make_run(
        files.load("demo", home, (f"model.model_name_or_path={model}",)), home, "demo", None, launch.TRAINER
    )
    started = trainer_process.start(run, {"trainer": launch.TRAINER}, "", None)
    assert started is not None
    assert started.wait() == 1
    # The frozen preset says what was trained, and is the only one to name it.
    assert files_with(run, secret) == ["preset.yaml"]
    assert "Traceback" in run.console.read_text()
