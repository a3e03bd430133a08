"""Several people at once, stops that cross each other, and garbage where requests lie."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.store import requests
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from runner.store.requests import Request
from tests.conftest import wait_for
from tests.faults.scene import (
    FTUI,
    SECONDS,
    Scene,
    cannot_go_on,
    events,
    finished,
    first_step_after_resume,
    ftui,
    goes_on,
    kept,
    kill,
    nothing_lost,
    over,
    processes,
    shown,
    supervisors,
)
from tests.faults.trainer import TOTAL
from tui.services.run_reader import read_row, read_view

SLOW = "0.15"


def at_once(count: int, *arguments: str) -> list[tuple[int, str]]:
    """The same verb, started so many times at the same moment: (exit code, what it printed)."""
    started = [
        subprocess.Popen([*FTUI, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(count)
    ]
    said = [one.communicate(timeout=SECONDS)[0] for one in started]
    return sorted(zip((one.returncode for one in started), said, strict=True))


def stopped(run: RunDirectory) -> int:
    """Its last step, once it stopped after one."""
    over(run)
    found = shown(run)
    assert (found.phase, found.reason) == (Phase.STOPPED, f"stopped after step {found.step}")
    return found.step


@pytest.mark.fault(
    "two `ftui stop` at once", "one stop: the step is finished, one checkpoint, one end; it goes on"
)
def test_two_stops(scene: Scene) -> None:
    run = scene.start("training", pace=SLOW)
    before = kept(run)
    assert [code for code, _ in at_once(2, "stop", run.id)] == [0, 0]
    scene.release()
    last = stopped(run)
    assert last == 7
    assert len(events(run, "end")) == 1
    nothing_lost(run, *before)
    goes_on(run, last)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "`ftui stop` and `ftui stop --now` at once", "stopped either way, with a word; nothing asked is left over"
)
def test_a_stop_and_a_stop_now(scene: Scene) -> None:
    run = scene.start("training", pace=SLOW)
    before = kept(run)
    threads = [threading.Thread(target=ftui, args=("stop", run.id, *more)) for more in ((), ("--now",))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    scene.release()
    over(run)
    found = shown(run)
    assert found.phase is Phase.STOPPED
    assert found.reason.startswith("stopped")
    nothing_lost(run, *before)
    goes_on(run, max(kept(run)[1]))
    nothing_lost(run, *before)


@pytest.mark.fault(
    "a trainer that hangs is asked to stop, then to stop --now",
    "resumed, it does not stop for what was asked before",
)
def test_a_stop_that_was_not_taken(scene: Scene) -> None:
    run = scene.start("training")
    before = kept(run)
    ftui("stop", run.id)
    ftui("stop", run.id, "--now")
    over(run)
    assert shown(run).phase is Phase.STOPPED
    assert "at once" in shown(run).reason
    nothing_lost(run, *before)
    scene.release()
    goes_on(run, 4)
    nothing_lost(run, *before)


@pytest.mark.fault("`ftui stop` after `ftui stop --now`", "told that it is over; nothing is written")
def test_a_stop_after_the_end(scene: Scene) -> None:
    run = scene.start("training")
    before = kept(run)
    ftui("stop", run.id, "--now")
    over(run)
    length = run.events.stat().st_size
    for more in ((), ("--now",)):
        assert f"{run.id} is over already: stopped" in ftui("stop", run.id, *more)
    assert run.events.stat().st_size == length
    assert not list(run.requests.iterdir())
    nothing_lost(run, *before)


@pytest.mark.fault(
    "`ftui stop` and `ftui ask` of a run that finished", "told that it is over; it stays finished"
)
def test_asking_a_run_that_is_over(scene: Scene) -> None:
    run = scene.start()
    over(run)
    before = kept(run)
    assert "is over already: finished" in ftui("stop", run.id)
    assert "is not running (finished)" in ftui("ask", "save", run.id, code=1)
    assert not list(run.requests.iterdir())
    found = shown(run)
    assert (found.phase, found.reason) == (Phase.FINISHED, "")
    cannot_go_on(run, f"has made all of its {TOTAL} steps")
    nothing_lost(run, *before)


@pytest.mark.fault(
    "`ftui resume` four times at once", "exactly one goes on; the others are told that it is taken"
)
def test_resumed_at_once(scene: Scene, dead: RunDirectory) -> None:
    run = dead
    before = kept(run)
    (scene.folder / "hold").write_text("training")
    said = at_once(4, "resume", run.id, "--detach")
    assert [code for code, _ in said] == [0, 1, 1, 1]
    for _, words in said[1:]:
        assert "is running" in words or "has a supervisor already" in words
    scene.held()
    assert len(supervisors(run)) == 1
    scene.release()
    over(run)
    assert len(events(run, "resume")) == 1
    assert first_step_after_resume(run) == 5
    assert shown(run).phase is Phase.FINISHED
    nothing_lost(run, *before)


@pytest.mark.fault("`ftui resume` of a run that trains", "refused in words; the run does not notice")
def test_resuming_a_living_run(scene: Scene) -> None:
    run = scene.start("training")
    before, working = kept(run), processes(run)
    cannot_be = ftui("resume", run.id, "--detach", code=1)
    assert f"is running. Stop it first: ftui stop {run.id}" in cannot_be
    assert processes(run) == working
    scene.release()
    finished(run)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "a resumed run is looked at while it loads",
    "starting, not failed; followed to its end; it can be stopped",
)
def test_a_resumed_run_that_loads(scene: Scene) -> None:
    run = scene.start("training")
    before = kept(run)
    kill(processes(run)["trainer_pid"])
    over(run)
    assert shown(run).phase is Phase.FAILED
    (scene.folder / "held").unlink()
    (scene.folder / "hold").write_text("loading")
    following = subprocess.Popen(
        [*FTUI, "resume", run.id, "--plain"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    scene.held()
    wait_for(lambda: read_row(run).phase is Phase.LOADING, 10, "state.json follows")
    view = read_view(run)
    assert (view.phase, view.reason, view.step) == (Phase.LOADING, "", 6)
    assert following.poll() is None
    scene.release()
    said = following.communicate(timeout=SECONDS)[0]
    assert following.returncode == 0, said
    assert "finished" in said
    assert "SIGKILL" not in said
    over(run)
    nothing_lost(run, *before)


GARBAGE: dict[str, Callable[[Path], None]] = {
    "an unknown file": lambda folder: (folder / "dance").touch(),
    "a folder named evaluate": lambda folder: (folder / "evaluate").mkdir(),
    "a folder named stop": lambda folder: (folder / "stop").mkdir(),
    "a folder named stop-now": lambda folder: (folder / "stop-now").mkdir(),
    "a link to nowhere named save": lambda folder: (folder / "save").symlink_to("nowhere"),
    "a fifo named stop": lambda folder: os.mkfifo(folder / "stop"),
}


@pytest.mark.parametrize("what", GARBAGE)
@pytest.mark.fault("{what} lies in requests/", "it is no request: the run finishes")
def test_garbage_among_requests(scene: Scene, what: str) -> None:
    run = scene.start("training")
    before = kept(run)
    GARBAGE[what](run.requests)
    scene.release()
    finished(run)
    nothing_lost(run, *before)


CONTENTS = {
    "is empty": b"",
    "holds bytes that are no text": b"\xff\xfe\x00",
    "gives a list as its reason": b'{"reason": ["x"]}',
    "gives a reason of 100 kB": b'{"reason": "' + b"y" * 100_000 + b'"}',
}


@pytest.mark.parametrize("what", CONTENTS)
@pytest.mark.fault("the file of a stop {what}", "it is a stop all the same")
def test_garbage_in_a_request(scene: Scene, what: str) -> None:
    run = scene.start("training")
    before = kept(run)
    (run.requests / Request.STOP.value).write_bytes(CONTENTS[what])
    scene.release()
    over(run)
    found = shown(run)
    assert found.phase is Phase.STOPPED
    assert found.reason.startswith("stopped after step 7")
    assert not requests.pending(run, Request.STOP)
    nothing_lost(run, *before)


@pytest.mark.fault("requests/ is deleted", "asking makes it again; the run obeys")
def test_no_requests(scene: Scene) -> None:
    run = scene.start("training")
    before = kept(run)
    run.requests.rmdir()
    ftui("stop", run.id)
    scene.release()
    assert stopped(run) == 7
    nothing_lost(run, *before)
