"""Files of a living run that are torn, full of garbage, cut or deleted: what can be read is, and the run goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from runner.store import life
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from runner.store.history import read_history
from runner.store.jsonl import LineTail, Record
from runner.store.rows import rows_of
from tests.conftest import wait_for
from tests.faults.scene import (
    GONE,
    Files,
    Scene,
    cannot_go_on,
    events,
    finished,
    ftui,
    goes_on,
    kept,
    nothing_lost,
    over,
    processes,
    shown,
    state_of,
)
from tests.faults.trainer import TOTAL
from tui.services.run_reader import read_row, read_view

TORN = b'{"type":"step","step":7,"loss":1.'
GARBAGE = b"".join(
    (
        b"\x00\xff\xfe\x1b[2J\x1b]0;title\x07 garbage\n",
        b"[1, 2]\n",
        b'{"type": "step", "step": 1e400, "loss": {}}\n',
        b'{"type": "step", "step": -3, "loss": 1}\n',
        b'{"type": "phase", "phase": "on holiday"}\n',
        b'{"type": "eval", "set": "val", "step": "x", "loss": null}\n',
        b'{"type": ["no"], "t": "yesterday"}\n',
        b"[" * 20_000 + b"\n",
        b"x" * 300_000 + b"\n",
    )
)
LINES = GARBAGE.count(b"\n")


def add(name: str, data: bytes) -> Callable[[RunDirectory], None]:
    """Append to a file of the run, as a process that died in mid-line would."""

    def do(run: RunDirectory) -> None:
        with (run.path / name).open("ab") as file:
            file.write(data)

    return do


def replace(name: str, data: bytes) -> Callable[[RunDirectory], None]:
    """Put other content into a file of the run."""

    def do(run: RunDirectory) -> None:
        (run.path / name).write_bytes(data)

    return do


def delete(name: str) -> Callable[[RunDirectory], None]:
    return lambda run: (run.path / name).unlink()


LOGS = ("events.jsonl", "system.jsonl", "rows.jsonl", "console.log")
OBJECTS = ("state.json", "run.json", "replan.json")
DAMAGE = {
    **{f"a torn last line in {name}": add(name, TORN) for name in LOGS},
    **{f"garbage lines in {name}": add(name, GARBAGE) for name in LOGS},
    **{f"half an object in {name}": replace(name, b'{"phase": "fini') for name in OBJECTS},
    **{f"garbage in {name}": replace(name, b"\x00\xff" * 500) for name in OBJECTS},
    **{
        f"{name} is deleted": delete(name)
        for name in ("system.jsonl", "console.log", "state.json", "run.json")
    },
}


def sampled(run: RunDirectory) -> list[Record]:
    return [one for one in LineTail(run.system).read_all() if "cpu_percent" in one]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.fault("{damage}, the run being alive", "it trains on; every step is shown; it finishes")
def test_a_file_of_a_running_run(scene: Scene, damage: str) -> None:
    run = scene.start("training")
    before, working = kept(run), processes(run)
    samples = len(sampled(run))
    DAMAGE[damage](run)
    if "system" in damage:
        least = 1 if "deleted" in damage else samples + 1
        wait_for(lambda: len(sampled(run)) >= least, 10, "it is sampled on")
    assert read_view(run).step == 6
    assert not read_row(run).phase.is_over
    scene.release()
    finished(run)
    nothing_lost(run, *before)
    assert {key: state_of(run)[key] for key in working} == working
    view = read_view(run)
    if "events.jsonl" in damage:
        assert view.bad_lines == (LINES if "garbage" in damage else 1)
    assert not any(ord(sign) < 32 for line in view.console for sign in line)
    # Whatever happened to the file before: each step made after it has its rows.
    assert set(rows_of(run, range(7, TOTAL + 1))) == set(range(7, TOTAL + 1))


@pytest.fixture
def cut(scene: Scene) -> Iterator[RunDirectory]:
    """A run held at step 6, to cut its events."""
    yield scene.start("training")


def steps_told(run: RunDirectory) -> list[int]:
    return [event["step"] for event in events(run, "step")]


@pytest.mark.fault(
    "events.jsonl is cut to half under a living run", "what is left is read; every later step is logged"
)
def test_events_are_cut(scene: Scene, cut: RunDirectory) -> None:
    checkpoints = kept(cut)[1]
    os.truncate(cut.events, cut.events.stat().st_size // 2)
    left = steps_told(cut)
    scene.release()
    finished(cut)
    assert steps_told(cut) == left + list(range(7, TOTAL + 1))
    nothing_lost_but_steps(cut, checkpoints)


@pytest.mark.fault(
    "events.jsonl is emptied under a living run", "every later step is logged; the end is known"
)
def test_events_are_emptied(scene: Scene, cut: RunDirectory) -> None:
    checkpoints = kept(cut)[1]
    os.truncate(cut.events, 0)
    scene.release()
    finished(cut)
    assert steps_told(cut) == list(range(7, TOTAL + 1))
    nothing_lost_but_steps(cut, checkpoints)


@pytest.mark.fault(
    "events.jsonl is deleted under a living run", "it is begun anew: every later step is logged"
)
def test_events_are_deleted(scene: Scene, cut: RunDirectory) -> None:
    checkpoints = kept(cut)[1]
    cut.events.unlink()
    scene.release()
    finished(cut)
    assert steps_told(cut) == list(range(7, TOTAL + 1))
    nothing_lost_but_steps(cut, checkpoints)


@pytest.mark.fault("events.jsonl is replaced by a copy under a living run", "later steps land in the copy")
def test_events_are_replaced(scene: Scene, cut: RunDirectory) -> None:
    before = kept(cut)
    copy = cut.path / "copy"
    copy.write_bytes(cut.events.read_bytes())
    copy.replace(cut.events)
    scene.release()
    finished(cut)
    nothing_lost(cut, *before)
    assert steps_told(cut) == list(range(1, TOTAL + 1))


def nothing_lost_but_steps(run: RunDirectory, checkpoints: dict[int, Files]) -> None:
    now = kept(run)[1]
    assert {step: now.get(step) for step in checkpoints} == checkpoints
    assert max(now) == TOTAL


# After the end


@pytest.mark.fault("state.json of a finished run is deleted", "list and screen still say finished")
def test_no_state_after_the_end(scene: Scene) -> None:
    run = scene.start()
    over(run)
    before = kept(run)
    run.state.unlink()
    found = shown(run)
    assert (found.phase, found.step) == (Phase.FINISHED, TOTAL)
    assert run.id in ftui("ls")
    nothing_lost(run, *before)


@pytest.mark.fault("state.json of a dead run is deleted", "lost, with its steps; it goes on")
def test_no_state_of_a_dead_run(dead: RunDirectory) -> None:
    before = kept(dead)
    dead.state.unlink()
    found = shown(dead)
    assert (found.phase, found.step) == (Phase.LOST, 6)
    assert GONE in found.reason
    goes_on(dead, 4)
    nothing_lost(dead, *before)


@pytest.mark.parametrize("data", [b"", b'{"trainer": 7', b"\xff\x00"], ids=["empty", "torn", "garbage"])
@pytest.mark.fault(
    "run.json of a dead run holds {data!r}", "it cannot go on, and it is said why; nothing is lost"
)
def test_no_record_of_a_dead_run(dead: RunDirectory, data: bytes) -> None:
    before = kept(dead)
    dead.run.write_bytes(data)
    assert shown(dead).phase is Phase.LOST
    cannot_go_on(dead, f"{dead.run} cannot be read")
    assert not life.is_alive(dead)
    nothing_lost(dead, *before)


@pytest.mark.parametrize(
    "data", [b'{"per_device": 3, "acc', b'{"per_device": 5, "accumulation": 7}', b"\xff\x00"]
)
@pytest.mark.fault("replan.json of a dead run holds {data!r}", "it goes on with the preset's own batch")
def test_a_plan_that_cannot_be_read(dead: RunDirectory, data: bytes) -> None:
    before = kept(dead)
    (dead.path / "replan.json").write_bytes(data)
    goes_on(dead, 4)
    plan = read_history(dead).plan
    assert (plan["per_device_train_batch_size"], plan["gradient_accumulation_steps"]) == (4, 4)
    nothing_lost(dead, *before)


@pytest.mark.fault(
    "events.jsonl of a dead run ends in a torn line", "the torn line alone is lost; it goes on"
)
def test_torn_by_the_death_of_both(dead: RunDirectory) -> None:
    before = kept(dead)
    add("events.jsonl", TORN)(dead)
    assert shown(dead).phase is Phase.LOST
    goes_on(dead, 4)
    assert read_view(dead).bad_lines == 1
    nothing_lost(dead, *before)
