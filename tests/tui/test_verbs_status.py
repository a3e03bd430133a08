"""`ftui status`: one line, whatever the runs are, and nothing in it that tmux would obey."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from runner.store import directory, locks
from runner.store.directory import RunDirectory, write_json
from tui.cli import cli


def ftui(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def state(home: Path, name: str, **values: Any) -> RunDirectory:
    run = directory.create(home, name)
    write_json(run.state, {"phase": "training", "verdict": "healthy", "severity": 1, **values})
    return run


def test_status_of_nothing_is_nothing(home: Path) -> None:
    assert ftui("status").output == "\n"
    assert ftui("status", "--tmux").output == "\n"


@pytest.mark.parametrize(
    ("phase", "sign"), [("finished", "✔"), ("stopped", "■"), ("failed", "✖"), ("training", "✖")]
)
def test_status_without_a_living_run_is_the_newest(home: Path, phase: str, sign: str) -> None:
    state(home, "demo", phase=phase, step=7, total_steps=10, loss=1.25)
    line = ftui("status").output.strip()
    # Its processes are gone: a run that says it trains is lost.
    assert line == f"{sign} demo 7/10 70 % 1.250"


def test_status_of_several_living_runs(home: Path) -> None:
    held = []
    for name in ("one", "two", "three", "four"):
        run = state(home, name, step=5, total_steps=10)
        held.append(locks.take(run.lock))
    state(home, "over", phase="finished")
    line = ftui("status").output.strip()
    assert line.count("●") == 3
    assert "over" not in line
    for lock in held:
        assert lock is not None
        os.close(lock)


def test_status_for_tmux_has_colours_and_no_formats_of_the_data(home: Path) -> None:
    state(home, "demo", phase="finished", verdict="over#[fg=red]fit #(reboot)", severity=3)
    assert ftui("status").output.strip() == "✔ demo ▲ over#[fg=red]fit #(reboot)"
    line = ftui("status", "--tmux").output.strip()
    assert line == "✔ demo #[fg=red]▲ over##[fg=red]fit ##(reboot)#[default]"
    assert line.replace("##", "").count("#") == 2


@pytest.mark.parametrize(("severity", "colour"), [(2, "yellow"), (3, "red"), (4, "red"), (99, "red")])
def test_status_colours(home: Path, severity: int, colour: str) -> None:
    state(home, "demo", verdict="worsening", severity=severity)
    assert f"#[fg={colour}]▲ worsening#[default]" in ftui("status", "--tmux").output


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"step":"x","total_steps":0,"loss":"y","severity":null}', b"[]"]
)
def test_status_of_a_broken_state(home: Path, content: bytes) -> None:
    run = directory.create(home, "demo")
    run.state.write_bytes(content)
    done = ftui("status")
    assert (done.exit_code, done.output.strip()) == (0, "✖ demo")


def test_what_waits_is_counted_behind_what_runs(home: Path) -> None:
    held = [locks.take(state(home, "demo", phase=phase).lock) for phase in ("queued", "training", "queued")]
    assert None not in held
    words = ftui("status").output.rstrip()
    assert words.startswith("● demo")
    assert words.endswith("◌ 2 queued")
    for fd in held:
        os.close(fd or 0)
