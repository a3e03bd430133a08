"""Nothing may keep a supervisor, its lock or the lease of its GPU once the run is over; what is to end at once ends."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runner.commands import enqueue
from runner.preset import files
from runner.queue import lease
from runner.store import life, locks
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from runner.store.processes import workers_on
from tests.conftest import wait_for
from tests.faults.scene import (
    TRAINER,
    Scene,
    finished,
    ftui,
    goes_on,
    is_there,
    kept,
    kill,
    nothing_lost,
    over,
    processes,
    shown,
)


@contextmanager
def dripping() -> Iterator[str]:
    """The address of a server that answers a byte at a time, and is never done."""
    stop = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection:
            while not stop.wait(0.2):
                try:
                    connection.sendall(b"H")
                except OSError:
                    return

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        stop.set()
        # Closing a socket does not wake the thread that waits in accept().
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


ALERTS = {
    "a webhook that answers a byte at a time": "  webhook: {address}\n",
    "a command that does not end": "  command: [sleep, '600']\n",
}


@pytest.mark.parametrize("what", ALERTS)
@pytest.mark.fault(
    "{what} is told of the end",
    "the run is over at once, its GPU is free, the next of the queue starts; the supervisor ends in seconds",
)
def test_an_alert_that_does_not_end(scene: Scene, what: str) -> None:
    with dripping() as address:
        scene.home.mkdir(parents=True, exist_ok=True)
        (scene.home / "config.yaml").write_text("alerts:\n" + ALERTS[what].format(address=address))
        run = scene.start("training")
        before, supervisor = kept(run), processes(run)["supervisor_pid"]
        waiting = enqueue.enqueue(files.load("demo", scene.home), scene.home, "cpu", trainer=TRAINER)
        scene.release()
        wait_for(lambda: not life.is_alive(run), 40, "the run is over")
        # It still talks: all that others wait for was given back before.
        assert is_there(supervisor)
        free = lease.take("cpu", run)
        if free is None:
            # The next one was quicker.
            assert lease.holder("cpu") == waiting.id
        else:
            locks.release(free)
        finished(waiting)
        wait_for(lambda: not is_there(supervisor), 40, "its supervisor ends")
    nothing_lost(run, *before)
    finished(run)


@pytest.mark.fault(
    "a run is resumed while its last supervisor still talks",
    "it goes on; the old one writes nothing of its own",
)
def test_resumed_while_the_last_one_talks(scene: Scene) -> None:
    with dripping() as address:
        scene.home.mkdir(parents=True, exist_ok=True)
        (scene.home / "config.yaml").write_text(f"alerts:\n  webhook: {address}\n")
        run = scene.start("training")
        before, working = kept(run), processes(run)
        kill(working["trainer_pid"])
        wait_for(lambda: not life.is_alive(run), 40, "the run is over")
        assert is_there(working["supervisor_pid"])
        assert shown(run).phase is Phase.FAILED
        scene.release()
        goes_on(run, 4)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "`ftui stop --now` with a supervisor that is stopped (SIGSTOP)",
    "it is woken; the trainer has ended, and so it says",
)
def test_stop_now_with_a_stopped_supervisor(scene: Scene) -> None:
    run = scene.start("training")
    before, working = kept(run), processes(run)
    kill(working["supervisor_pid"], signal.SIGSTOP)
    assert "ends now" in ftui("stop", run.id, "--now")
    assert not is_there(working["trainer_pid"])
    over(run)
    assert shown(run).phase is Phase.STOPPED
    nothing_lost(run, *before)


@pytest.mark.fault(
    "`ftui stop --now` with a supervisor that does not look for it",
    "the trainer is ended directly, and so it says",
)
def test_stop_now_with_a_deaf_supervisor(scene: Scene) -> None:
    run = scene.start("training")
    before, working = kept(run), processes(run)
    # It is stopped for good, as a hung disk or a frozen container would do it.
    kill(working["supervisor_pid"], signal.SIGSTOP)
    keeps_it_stopped = threading.Event()

    def stop_again() -> None:
        while not keeps_it_stopped.wait(0.01):
            os.kill(working["supervisor_pid"], signal.SIGSTOP)

    thread = threading.Thread(target=stop_again, daemon=True)
    thread.start()
    try:
        said = ftui("stop", run.id, "--now")
    finally:
        keeps_it_stopped.set()
        thread.join()
    assert "its trainer was killed" in said or "ends now" in said
    assert not is_there(working["trainer_pid"])
    os.kill(working["supervisor_pid"], signal.SIGCONT)
    over(run)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "`ftui stop --now` of a run whose supervisor is dead and whose locks are removed",
    "the one trainer there is ends; no other process is touched",
)
def test_stop_now_without_supervisor_and_locks(scene: Scene) -> None:
    run, other = scene.start("training"), scene.start("training")
    before, working = kept(run), processes(run)
    kill(working["supervisor_pid"])
    run.lock.unlink()
    run.trainer_lock.unlink()
    ftui("stop", run.id, "--now")
    wait_for(lambda: not is_there(working["trainer_pid"]), 20, "its trainer ends")
    wait_for(lambda: not workers_on(run.path), 40, "nothing works on it")
    assert set(processes(other).values()) == {one.pid for one in workers_on(other.path)}
    scene.release()
    finished(other)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "`ftui stop last` while a run trains and a newer one waits",
    "the one that trains stops; the other gets its turn",
)
def test_stop_last(scene: Scene) -> None:
    run = scene.start("training")
    waiting = enqueue.enqueue(files.load("demo", scene.home), scene.home, "cpu", trainer=TRAINER)
    wait_for(lambda: shown(waiting).phase is Phase.QUEUED, 20)
    assert f"{run.id} finishes its step" in ftui("stop", "last")
    scene.release()
    over(run)
    assert shown(run).phase is Phase.STOPPED
    finished(waiting)


@pytest.mark.fault(
    "`ftui stop last` while two runs train", "refused with both names: the user has to say which"
)
def test_stop_last_of_two(scene: Scene) -> None:
    first, second = scene.start("training"), scene.start("training")
    said = ftui("stop", "last", code=1)
    assert first.id in said
    assert second.id in said
    assert "Say which" in said
    scene.release()
    finished(first)
    finished(second)


@pytest.mark.fault(
    "`ftui resume last` with a finished run newer than the one that failed",
    "asked which, with both names; nothing starts",
)
def test_resume_last(scene: Scene, dead: RunDirectory) -> None:
    scene.release()
    newer = scene.start()
    finished(newer)
    said = ftui("resume", "last", "--detach", code=1)
    assert f"{newer.id}, which is newer, has finished" in said
    assert f"ftui resume {dead.id}" in said
    assert not life.is_alive(dead)
