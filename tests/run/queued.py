"""Queues made of files alone, and what is seen of runs that wait for real."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from runner.commands import enqueue
from runner.gpu import Gpu, GpuReading, GpuSample
from runner.preset import files
from runner.queue import tickets
from runner.queue.tickets import Ticket
from runner.store import life, requests, summary
from runner.store.directory import RunDirectory, read_json, runs_folder
from runner.store.events import Phase
from runner.store.jsonl import LineTail
from runner.store.requests import Request
from runner.supervision import launch
from tests.conftest import ROOT, kill_below, wait_for
from tests.run.scenes import scripted_lines
from tests.stub_nvml import RTX_4090, StubNvml

# Turns are looked for often, and no reports are written, which take longer than these runs.
HURRY = """\
import os, sys
if "runner.report" in sys.orig_argv:
    os._exit(0)
if "runner.supervision" in sys.orig_argv:
    from runner.queue import waiting
    waiting.POLL_SECONDS = 0.1
"""
TRAINER = "tests.run.scripted_trainer"
# Begins, trains a while and ends as it should.
SHORT = (
    *scripted_lines({"type": "phase", "phase": "training"}),
    "sleep 0.3",
    *scripted_lines({"type": "end", "status": "finished", "reason": ""}),
)


def made(home: Path, name: str, ticket: Ticket | None = None) -> RunDirectory:
    """The directory of a run, with a ticket when there is one."""
    run = RunDirectory(runs_folder(home) / f"20261201-120000-{name}-0001")
    (run.path / "requests").mkdir(parents=True, exist_ok=True)
    if ticket is not None:
        tickets.write_ticket(run, ticket)
        tickets.say(run, Phase.QUEUED, "")
    return run


def filled(home: Path, names: str = "abc") -> dict[str, RunDirectory]:
    """A queue of runs with these letters for names, in this order."""
    return {name: made(home, name, Ticket(float(place))) for place, name in enumerate(names)}


def order(home: Path) -> str:
    """The letters of the runs that wait, the next one first."""
    return "".join(one.run.id.split("-")[2] for one in tickets.waiting(home))


def ranks(home: Path) -> list[float]:
    return [one.ticket.rank for one in tickets.waiting(home)]


def put(run: RunDirectory, content: str | bytes) -> None:
    """Something else where the ticket should be."""
    folder = tickets.folder(run.home)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{run.id}.json").write_bytes(content.encode() if isinstance(content, str) else content)


def events(run: RunDirectory, kind: str) -> list[dict[str, Any]]:
    """The events of a run of one type."""
    return [event for event in LineTail(run.events).read_all() if event.get("type") == kind]


def says(run: RunDirectory, *words: str) -> str:
    """Wait until what a run waits for has these words; returns it."""

    def reason() -> str:
        state = read_json(run.state)
        found = str(state.get("reason"))
        return found if state.get("phase") == Phase.QUEUED and all(w in found for w in words) else ""

    return wait_for(reason, 30, f"{run.id} waits with {words}; state: {read_json(run.state)}")


def trains(run: RunDirectory) -> dict[str, Any]:
    """The state of a run once its trainer is there."""

    def known() -> dict[str, Any]:
        state = read_json(run.state)
        return state if state.get("trainer_pid") and state.get("supervisor_pid") else {}

    return wait_for(known, 60, f"{run.id} starts")


def over(run: RunDirectory, phase: str) -> dict[str, Any]:
    """The state of a run once it is over and its processes are gone."""
    wait_for(lambda: not life.is_alive(run), 60, f"{run.id} ends")
    state = summary.read_state(run)
    assert state["phase"] == phase, state
    return state


def looked(run: RunDirectory) -> None:
    """Wait until who waits for a run has looked several times since."""
    process = psutil.Process(pid(run))
    before = process.num_ctx_switches().voluntary
    wait_for(lambda: process.num_ctx_switches().voluntary > before + 10, 20, f"{run.id} is looked after")


def stop(run: RunDirectory) -> None:
    """Let a run that trains until it is asked end, with all its processes."""
    requests.ask(run, Request.STOP)
    over(run, "stopped")


def pid(run: RunDirectory) -> int:
    """Who waits for a run, or watches over it, once that is written down."""
    return wait_for(
        lambda: int(read_json(run.state).get("supervisor_pid") or 0), 30, f"who waits for {run.id}"
    )


def span(run: RunDirectory) -> tuple[float, float]:
    """When its trainer began and ended, by its own events."""
    begun = next(one["t"] for one in events(run, "phase") if one["phase"] == Phase.TRAINING)
    return begun, events(run, "end")[-1]["t"]


@dataclass
class Scene:
    """Real runs, each with a script for its trainer; `close` kills what is left of them."""

    home: Path
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    scripts: dict[RunDirectory, Path] = field(default_factory=dict)

    def _script(self, lines: Sequence[str]) -> Path:
        path = self.folder / f"script{len(self.scripts)}"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.use(path)
        return path

    def use(self, script: Path) -> None:
        """Supervisors that are started from now on are in a hurry; their trainers follow this script."""
        hurry = self.folder / "hurry"
        hurry.mkdir(exist_ok=True)
        (hurry / "sitecustomize.py").write_text(HURRY)
        self.monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(hurry), str(ROOT)]))
        self.monkeypatch.setenv("FTUI_SCRIPT", str(script))

    def add(
        self,
        *lines: str,
        gpu: str | None = "cpu",
        need: int | None = None,
        first: bool = False,
        overrides: Sequence[str] = (),
    ) -> RunDirectory:
        """Put a run into the queue."""
        script = self._script(lines or SHORT)
        loaded = files.load("demo", self.home, overrides)
        run = enqueue.enqueue(loaded, self.home, gpu, need, first, trainer=TRAINER)
        self.scripts[run] = script
        return run

    def launch(self, *lines: str, gpu: str = "cpu") -> RunDirectory:
        """Start a run at once."""
        script = self._script(lines or SHORT)
        run = launch.launch(files.load("demo", self.home), self.home, gpu, trainer=TRAINER).run
        self.scripts[run] = script
        return run

    def close(self) -> None:
        for _ in range(2):
            # A supervisor may have started a trainer meanwhile.
            kill_below(self.home)


@dataclass
class Cards:
    """Stub GPUs, seen by children through NVML and by this process as the reading they would give."""

    stub: StubNvml
    monkeypatch: pytest.MonkeyPatch

    def show(self, *free_gib: float | None, processes: str = "") -> None:
        """From now on there are so many RTX 4090s of 24 GiB with so much memory free; None: it is lost."""
        values = {**RTX_4090, "count": str(len(free_gib)), "processes": processes}
        samples = []
        for index, free in enumerate(free_gib):
            card = Gpu(index, f"GPU-{index}", RTX_4090["name"], 24 * 1024, (8, 9))
            values |= {f"{index}__uuid": card.uuid}
            values |= {f"{index}__memory_total": str(24 << 30)}
            values |= {f"{index}__memory_free": "!15" if free is None else str(int(free * (1 << 30)))}
            samples.append(
                GpuSample(card, problem="lost")
                if free is None
                else GpuSample(card, free_mib=int(free * 1024), used_mib=int((24 - free) * 1024))
            )
        self.stub.set(**values)
        reading = GpuReading(tuple(samples), "580.1", "" if samples else "no NVIDIA GPU")
        self.monkeypatch.setattr("runner.gpu.read", lambda processes=False: reading)
        for name, value in self.stub.environment.items():
            if name in ("LD_LIBRARY_PATH", "FTUI_STUB_NVML"):
                self.monkeypatch.setenv(name, value)
