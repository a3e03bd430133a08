"""A run something happens to: started, held still at a place, looked at as a person does, and gone on with."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from runner.preset import files
from runner.store import life, locks
from runner.store.checkpoints import checkpoints, newest
from runner.store.directory import RunDirectory, read_json, runs_folder
from runner.store.events import Phase
from runner.store.history import read_history
from runner.store.jsonl import LineTail, Record
from runner.store.processes import workers_on
from runner.supervision import launch
from tests.conftest import wait_for
from tests.faults.trainer import TOTAL
from tui.services.run_reader import read_row, read_view

FTUI = [sys.executable, "-P", "-m", "tui.cli"]
TRAINER = "tests.faults.trainer"
GONE = "Its processes are gone and left no word"
SECONDS = 40

Files = Mapping[str, bytes]


@dataclass
class Scene:
    """FTUI_HOME and the folder that tells the trainer what is wanted (trainer.py)."""

    home: Path
    folder: Path

    def start(
        self, hold: str = "", overrides: tuple[str, ...] = (), trainer: str = TRAINER, **wishes: str
    ) -> RunDirectory:
        """Launch a run; with `hold` wait until it stands still there."""
        for name, value in {"hold": hold, **wishes}.items():
            (self.folder / name).write_text(value)
        loaded = files.load("demo", self.home, overrides)
        run = launch.launch(loaded, self.home, "cpu", trainer=trainer).run
        if hold:
            self.held()
            processes(run)
        return run

    def bury(self, remains: RunDirectory) -> RunDirectory:
        """Put what a dead run left into this home."""
        run = RunDirectory(runs_folder(self.home) / remains.id)
        shutil.copytree(remains.path, run.path)
        return run

    def held(self) -> None:
        """Wait until the trainer stands still."""
        wait_for((self.folder / "held").exists, SECONDS, "the trainer comes to the place")

    def release(self) -> None:
        """Let the trainer go on."""
        (self.folder / "hold").write_text("")
        (self.folder / "held").unlink(missing_ok=True)

    def release_once(self, condition: Callable[[], object]) -> threading.Thread:
        """Let it go on as soon as a condition holds, while the test waits for something else."""

        def work() -> None:
            wait_for(condition, SECONDS)
            self.release()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread


@dataclass(frozen=True)
class Shown:
    """What a person is told of a run."""

    phase: Phase
    reason: str
    step: int


def shown(run: RunDirectory) -> Shown:
    """What `ftui show` says, once the list of runs says the same: state.json is written once a second."""

    def agreed() -> Shown | None:
        row, view = read_row(run), read_view(run)
        same = row.phase is view.phase and row.step == view.step and row.reason == view.reason
        return Shown(view.phase, view.reason, view.step) if same else None

    try:
        return wait_for(agreed, 10)  # type: ignore[return-value]
    except AssertionError:
        row, view = read_row(run), read_view(run)
        ours = (view.phase, view.step, view.reason)
        raise AssertionError(f"show: {ours}, ls: {(row.phase, row.step, row.reason)}") from None


def run_verb(
    *arguments: str, env: Mapping[str, str] | None = None, seconds: float = SECONDS
) -> subprocess.CompletedProcess[str]:
    """A verb of the command line, as a process that has to end."""
    return subprocess.run(
        [*FTUI, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env=env,
    )


def ftui(*arguments: str, code: int = 0, env: Mapping[str, str] | None = None) -> str:
    """What a verb prints; its exit code has to be this one."""
    done = run_verb(*arguments, env=env)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def processes(run: RunDirectory) -> dict[str, int]:
    """{"supervisor_pid": …, "trainer_pid": …}, once both are known."""

    def known() -> dict[str, int] | None:
        state = read_json(run.state)
        found = {key: int(state.get(key) or 0) for key in ("supervisor_pid", "trainer_pid")}
        return found if all(found.values()) else None

    found = wait_for(known, SECONDS, "the supervisor writes down who trains")
    assert found is not None
    return found


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal; after SIGKILL wait until the process holds nothing any more."""
    os.kill(pid, number)
    if number == signal.SIGKILL:
        wait_for(lambda: not is_there(pid), 10, f"{pid} dies")


def goes_round(pid: int, times: int = 10) -> None:
    """Wait until a process that waits for something has looked for it so often again."""
    process = psutil.Process(pid)
    before = process.num_ctx_switches().voluntary
    wait_for(lambda: process.num_ctx_switches().voluntary > before + times, 20, f"{pid} looks again")


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def is_there(pid: int) -> bool:
    """Whether a process lives."""
    return psutil.pid_exists(pid) and not _is_zombie(pid)


def supervisors(run: RunDirectory) -> list[int]:
    """The processes that watch over a run."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        command = process.info["cmdline"] or []
        if str(run.path) in command and any("supervis" in part for part in command if "/" not in part):
            found.append(process.info["pid"])
    return found


def over(run: RunDirectory, seconds: float = SECONDS) -> None:
    """Wait until no process works on the run any more."""
    wait_for(lambda: not life.is_alive(run), seconds, "the run ends")
    wait_for(lambda: not workers_on(run.path), seconds, "its processes end")


def finished(run: RunDirectory, steps: int = TOTAL) -> None:
    """Wait for the end; it is the one every run should have, and its supervisor lived to write it down."""
    over(run)
    found = shown(run)
    assert (found.phase, found.reason, found.step) == (Phase.FINISHED, "", steps)
    assert state_of(run)["phase"] == Phase.FINISHED


def trains(run: RunDirectory, steps: int = 3) -> int:
    """Wait until so many more steps are made; returns the last one."""
    made = read_history(run).step
    wait_for(lambda: read_history(run).step >= made + steps, SECONDS, f"it trains on after step {made}")
    return read_history(run).step


# What must not be lost


def logged_steps(run: RunDirectory) -> dict[int, float]:
    """{step: loss} of every step that was ever logged."""
    return {event["step"]: event["loss"] for event in events(run, "step")}


def finished_checkpoints(run: RunDirectory) -> dict[int, Files]:
    """{step: its files, by their content} of every whole checkpoint."""
    return {
        one.step: {file.name: hashlib.sha256(file.read_bytes()).digest() for file in one.path.iterdir()}
        for one in checkpoints(run)
        if one.is_whole
    }


def nothing_lost(
    run: RunDirectory, steps_before: Mapping[int, float], checkpoints_before: Mapping[int, Files]
) -> None:
    """Every step that was logged is still there with its loss, none is missing between, and the checkpoints that were
    whole have the same content.
    """
    steps = logged_steps(run)
    assert {step: steps.get(step) for step in steps_before} == dict(steps_before)
    told = [int(step) for step in read_history(run).train.step]
    assert told == list(range(1, len(told) + 1))
    now = finished_checkpoints(run)
    assert {step: now.get(step) for step in checkpoints_before} == dict(checkpoints_before)


def events(run: RunDirectory, kind: str) -> list[Record]:
    return [event for event in LineTail(run.events).read_all() if event.get("type") == kind]


def kept(run: RunDirectory) -> tuple[dict[int, float], dict[int, Files]]:
    """What there is to lose: `nothing_lost(run, *before)`."""
    return logged_steps(run), finished_checkpoints(run)


# Going on


def goes_on(run: RunDirectory, expected: int) -> None:
    """`ftui resume` goes on from the checkpoint of this step with the next one, and the run finishes."""
    last = newest(run)
    assert last is not None
    assert last.step == expected
    told = len(events(run, "resume"))
    said = ftui("resume", run.id, "--detach")
    assert f"goes on from checkpoint-{expected}" in said
    over(run)
    assert len(events(run, "resume")) == told + 1
    assert first_step_after_resume(run) == expected + 1
    history = read_history(run)
    assert [int(step) for step in history.train.step] == list(range(1, TOTAL + 1))
    found = shown(run)
    assert (found.phase, found.step) == (Phase.FINISHED, TOTAL), found


def first_step_after_resume(run: RunDirectory) -> int:
    """The first step that was made after the last resume."""
    found: list[int] = []
    for event in LineTail(run.events).read_all():
        if event.get("type") == "resume":
            found = []
        elif event.get("type") == "step":
            found.append(event["step"])
    return found[0]


def cannot_go_on(run: RunDirectory, words: str) -> None:
    """`ftui resume` says why not, and starts nothing."""
    assert words in ftui("resume", run.id, "--detach", code=1)
    assert not locks.is_held(run.lock)


def is_watched(run: RunDirectory) -> bool:
    return locks.is_held(run.lock)


def state_of(run: RunDirectory) -> dict[str, Any]:
    return read_json(run.state)
