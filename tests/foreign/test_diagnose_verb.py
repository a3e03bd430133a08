"""`ftui diagnose`: what is printed, as JSON, and the exit codes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runner.store import directory
from runner.store.events import EventLog
from tests.foreign.conftest import RECORDED
from tests.foreign.test_trainer_state import entries, save
from tui.cli import cli


def ftui(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def healthy(folder: Path) -> None:
    log = []
    for step in range(5, 45, 5):
        log += entries(step, loss=2.0 - step / 50)
        log += [{"step": step, "epoch": step / 10, "eval_loss": 2.0 - step / 100}]
    save(folder, log, 40)


def test_a_healthy_run(tmp_path: Path) -> None:
    healthy(tmp_path)
    done = ftui("diagnose", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert "Trainer state" in done.output
    assert "healthy" in done.output
    assert "step       40/40, 8 logged" in done.output
    assert "1.9500 → 1.6000, best 1.6000 at step 40, 8 evaluations" in done.output


def test_an_overfitting_run_with_every_finding() -> None:
    done = ftui("diagnose", str(RECORDED / "trainer_state.json"))
    assert done.exit_code == 1
    for words in (
        "OVERFITTING since step 12",
        "overfitting      critical, since step 12",
        "→ ",
    ):
        assert words in done.output
    told = json.loads(ftui("diagnose", str(RECORDED / "trainer_state.json"), "--json").output)
    assert told["kind"] == "Trainer state"
    assert told["verdict"]["findings"][0]["id"] == "overfitting"
    assert told["verdict"]["findings"][0]["since_step"] == 12
    assert told["verdict"]["findings"][0]["actions"][0]["text"]
    assert told["verdict"]["headline"].startswith("OVERFITTING")
    assert len(told["evals"]["val"]) == 15
    assert (told["step"], told["total_steps"], told["is_over"]) == (180, 180, True)
    for finding in told["verdict"]["findings"]:
        assert finding["sentence"] in done.output


def test_json_holds_nan_as_a_string(tmp_path: Path) -> None:
    save(tmp_path, [*entries(5), *entries(10, loss=math.nan), {"step": 10, "eval_loss": math.inf}], 10)
    done = ftui("diagnose", str(tmp_path), "--json")
    assert done.exit_code == 1

    def refuse(name: str) -> None:
        raise AssertionError(name)

    told = json.loads(done.output, parse_constant=refuse)
    assert told["evals"]["val"][0]["loss"] == "Infinity"
    assert ftui("diagnose", str(tmp_path)).exit_code == 1


def test_a_run_of_ours(home: Path) -> None:
    run = directory.create(home, "mine")
    log = EventLog(run)
    log.append("step", step=1, loss=2.0)
    log.close()
    for name in (run.id, "last", str(run.path)):
        done = ftui("diagnose", name)
        assert done.exit_code == 0, done.output
        assert "ftui run" in done.output
        assert run.id in done.output
        assert "evals      none" in done.output


@pytest.mark.parametrize("make", [True, False])
def test_what_cannot_be_read_is_two_lines_and_exit_code_2(tmp_path: Path, make: bool) -> None:
    path = tmp_path / "no-run"
    if make:
        path.mkdir()
    done = ftui("diagnose", str(path))
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert str(path) in done.output
    assert len(done.output.splitlines()) <= 3


def test_lines_that_were_passed_over_are_told(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text("{'loss': 1.0}\n{'loss': oh}\n")
    assert "1 lines or records could not be read" in ftui("diagnose", str(tmp_path)).output


def test_help_teaches() -> None:
    text = ftui("diagnose", "--help").output
    for words in ("trainer_log.jsonl", "ftui diagnose last", "Exit code 0", "--json"):
        assert words in text
