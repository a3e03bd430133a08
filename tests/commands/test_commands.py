"""Commands check before they act: what changed since the user looked, and what is not ftui's to touch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from runner.commands.ask import ask
from runner.commands.clean import clean
from runner.commands.resume import to_resume_from
from runner.commands.stop import Stop, stop
from runner.queue import tickets
from runner.queue.tickets import Ticket
from runner.store import disk_usage, locks
from runner.store.directory import RunDirectory
from runner.store.errors import LaunchError
from runner.store.requests import Request
from tests.foreign.test_diagnose_verb import healthy
from tests.run.test_disk_usage import run
from tui.cli import cli
from tui.cli.group import HEADINGS
from tui.cli.lazy import LazyGroup

__all__ = ["run"]


@pytest.mark.parametrize("lock", ["lock", "trainer_lock"])
def test_a_run_that_goes_on_since_it_was_looked_at_keeps_its_checkpoints(
    run: RunDirectory, lock: str
) -> None:
    held = [disk_usage.holding(run)]
    assert held[0].removable
    before = sorted(path.name for path in run.checkpoints.iterdir())
    resumed = locks.take(getattr(run, lock))
    assert resumed is not None
    done = clean(held)
    locks.release(resumed)
    assert (done.count, done.freed, len(done.skipped)) == (0, 0, 1)
    assert run.id in done.skipped[0]
    assert sorted(path.name for path in run.checkpoints.iterdir()) == before


def test_a_checkpoint_that_became_the_best_since_is_kept(run: RunDirectory) -> None:
    held = [disk_usage.holding(run)]
    assert 30 in [one.step for one in held[0].removable]
    with run.events.open("a", encoding="utf-8") as stream:
        stream.write(
            json.dumps({"type": "eval", "t": 1.0, "set": "val", "step": 30, "loss": 0.1, "n": 4}) + "\n"
        )
    assert clean(held).count == 3
    assert {path.name for path in run.checkpoints.iterdir()} == {"checkpoint-30", "checkpoint-50"}
    assert not locks.is_held(run.lock)


def test_what_another_trainer_left_is_never_written_to(tmp_path: Path) -> None:
    healthy(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    foreign = RunDirectory(tmp_path)
    for act in (lambda: stop(foreign), lambda: ask(foreign, Request.SAVE), lambda: to_resume_from(foreign)):
        with pytest.raises(
            LaunchError, match=r"is not a run of ftui's: it is read, and nothing is written there\."
        ):
            act()
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_asked_of_a_run_that_is_over(run: RunDirectory) -> None:
    with pytest.raises(LaunchError, match=r"is not running \(lost\), so there is nothing to ask of it"):
        ask(run, Request.EVALUATE)
    assert stop(run) is Stop.OVER
    assert not any(run.requests.iterdir())


def test_what_waits_is_taken_out_when_it_is_stopped(run: RunDirectory) -> None:
    tickets.write_ticket(run, Ticket(1.0))
    assert stop(run) is Stop.TAKEN_OUT
    assert not tickets.is_queued(run)


def test_a_run_is_compared_with_one_of_another_trainer(home: Path, run: RunDirectory, tmp_path: Path) -> None:
    healthy(tmp_path / "elsewhere")
    done = CliRunner().invoke(cli, ["compare", run.id, str(tmp_path / "elsewhere")])
    assert done.exit_code == 0, done.output
    assert "1.6000 @40" in done.output
    assert "B against A: the losses of single rows were not kept" in done.output


def test_every_verb_is_listed_once_and_found() -> None:
    listed = [name for verbs in HEADINGS.values() for name in verbs]
    assert len(listed) == len(set(listed))
    assert isinstance(cli, LazyGroup)
    for name in listed:
        done = CliRunner().invoke(cli, [name, "--help"])
        assert done.exit_code == 0, done.output
        assert f"Usage: ftui {name}" in done.output or f"Usage: cli {name}" in done.output
    text = CliRunner().invoke(cli, ["--help"]).output
    for heading, verbs in HEADINGS.items():
        assert f"{heading}:" in text
        assert all(f"  {name}" in text for name in verbs)


def test_no_color_is_heeded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" in CliRunner().invoke(cli, ["presets"], color=True).output
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in CliRunner().invoke(cli, ["presets"], color=True).output
