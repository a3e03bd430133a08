"""Runs that wait for their turn, as real processes on the CPU: one after the other, in the order people want."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest

from runner.commands.queued import rewrite
from runner.preset import files
from runner.queue import lease, tickets
from runner.queue.tickets import QueueError
from runner.store import life, locks, requests, summary
from runner.store.directory import RunDirectory, read_json
from runner.store.errors import LaunchError
from runner.store.events import Phase
from runner.store.history import read_history
from runner.store.requests import Request
from tests.conftest import wait_for
from tests.run.queued import SHORT, Scene, events, looked, over, says, span, stop, trains


def one_after_the_other(*runs: RunDirectory) -> None:
    """Their trainers lived in this order, and never two at once."""
    spans = [span(run) for run in runs]
    for (_, end), (begin, _) in itertools.pairwise(spans):
        assert end <= begin, spans


def never_trained(run: RunDirectory) -> None:
    assert "started_at" not in read_json(run.run)
    assert not run.trainer_lock.exists()
    assert "trainer_pid" not in read_json(run.state)


def test_runs_train_one_after_the_other_whatever_becomes_of_them(scene: Scene) -> None:
    killed = scene.add(SHORT[0], "sleep 0.3", "kill 9")
    failed = scene.add(SHORT[0], "sleep 0.3", "print out of luck", "exit 7")
    well = scene.add()
    says(well, failed.id)
    assert over(killed, "failed")["reason"].startswith("The trainer was killed by SIGKILL")
    assert "exit code 7" in over(failed, "failed")["reason"]
    over(well, "finished")
    one_after_the_other(killed, failed, well)
    assert tickets.waiting(scene.home) == []


def test_six_runs_that_are_let_go_at_once_do_not_meet(scene: Scene) -> None:
    tickets.pause(scene.home, None, True)
    runs = [scene.add(SHORT[0], "sleep 0.1", SHORT[2]) for _ in range(6)]
    for run in runs:
        says(run, "the queue is paused", "ftui queue start")
    tickets.move(scene.home, runs[5], 1)
    tickets.pause(scene.home, None, False)
    for run in runs:
        over(run, "finished")
    one_after_the_other(runs[5], *runs[:5])


def test_what_a_run_says_from_its_place_in_the_queue_to_its_end(scene: Scene) -> None:
    first = scene.add("until-stop")
    trains(first)
    second, third = scene.add(), scene.add()
    says(second, f"the CPU has {first.id} on it")
    wait_for(lambda: read_json(third.state).get("place") == 2, 20)
    assert says(third) == f"it comes after {second.id}"
    assert read_history(third).phase is Phase.QUEUED
    assert summary.read_state(third)["phase"] == Phase.QUEUED
    stop(first)
    wait_for(lambda: read_json(third.state).get("place") == 1, 20)
    over(third, "finished")
    assert [one["phase"] for one in events(third, "phase")] == ["queued", "starting", "training"]


def test_a_run_that_has_its_turn_is_queued_no_more_while_its_trainer_says_nothing(scene: Scene) -> None:
    run = scene.add("sleep 600")
    state = trains(run)
    assert state["phase"] == Phase.STARTING
    assert read_history(run).phase is Phase.STARTING
    assert read_json(run.run)["started_at"] >= read_json(run.run)["created_at"]
    requests.ask(run, Request.STOP_NOW)
    over(run, "stopped")


# Beside runs that are launched at once


def test_a_run_that_was_launched_at_once_keeps_the_queue_waiting(scene: Scene) -> None:
    direct = scene.launch("until-stop")
    trains(direct)
    waits = scene.add()
    says(waits, f"the CPU has {direct.id} on it")
    another = scene.launch("until-stop")
    trains(another)
    stop(direct)
    says(waits, "the CPU has")
    assert life.is_alive(another)
    stop(another)
    over(waits, "finished")
    one_after_the_other(another, waits)


def test_a_run_that_is_launched_beside_one_from_the_queue_keeps_the_next_one_waiting(scene: Scene) -> None:
    queued = scene.add("until-stop")
    trains(queued)
    direct = scene.launch("until-stop")
    trains(direct)
    waits = scene.add()
    says(waits, queued.id)
    before = len(read_history(queued).train)
    wait_for(lambda: len(read_history(queued).train) > before + 5, what="it trains on, undisturbed")
    stop(queued)
    says(waits, f"the CPU has {direct.id} on it")
    stop(direct)
    over(waits, "finished")
    one_after_the_other(direct, waits)


def test_a_lease_somebody_looks_at_is_shared_a_moment_later(home: Path) -> None:
    """Who looks for a turn has the lease for a moment; a run that is launched just then has to get it still."""
    run = RunDirectory(home / "runs" / "20261201-120000-a-0001")
    looking = lease.take("GPU-1", run)
    assert looking is not None
    shared = lease.share("GPU-1", run)
    assert lease.take("GPU-1", run) is None
    locks.release(looking)
    wait_for(lambda: locks.take(home / "leases" / "GPU-1", shared=True, attempts=1), 5)
    assert lease.take("GPU-1", run) is None
    locks.release(shared)


# What people do to runs that wait


def test_an_order_that_is_changed_while_they_wait_is_obeyed(scene: Scene) -> None:
    first = scene.add("until-stop")
    trains(first)
    second, third = scene.add(), scene.add()
    fourth = scene.add(first=True)
    says(second, "it comes after", fourth.id)
    assert tickets.move(scene.home, third, 1) == 1
    says(fourth, "it comes after", third.id)
    stop(first)
    for run in (second, third, fourth):
        over(run, "finished")
    one_after_the_other(first, third, fourth, second)


def test_a_paused_run_is_passed_by_the_next_and_goes_on_later(scene: Scene) -> None:
    first = scene.add("until-stop")
    trains(first)
    held, last = scene.add(), scene.add()
    tickets.pause(scene.home, held, True)
    says(held, "paused", f"ftui queue start {held.id}")
    stop(first)
    over(last, "finished")
    says(held, "paused")
    never_trained(held)
    tickets.pause(scene.home, held, False)
    over(held, "finished")
    one_after_the_other(last, held)


def test_what_runs_goes_on_while_the_queue_is_paused(scene: Scene) -> None:
    first = scene.add("until-stop")
    trains(first)
    second = scene.add()
    tickets.pause(scene.home, None, True)
    says(second, "the queue is paused")
    stop(first)
    looked(second)
    never_trained(second)
    tickets.pause(scene.home, None, False)
    over(second, "finished")


@pytest.mark.parametrize("at_once", [True, False], ids=["before a process looks", "while it waits"])
def test_a_run_that_is_taken_out_never_starts(scene: Scene, at_once: bool) -> None:
    tickets.pause(scene.home, None, True)
    run = scene.add()
    if not at_once:
        says(run, "the queue is paused")
    tickets.remove(scene.home, run)
    tickets.pause(scene.home, None, False)
    assert over(run, "stopped")["reason"] == tickets.TAKEN_OUT
    assert read_history(run).end["reason"] == tickets.TAKEN_OUT
    never_trained(run)


@pytest.mark.parametrize("request_", [Request.STOP, Request.STOP_NOW])
def test_a_run_that_is_stopped_while_it_waits_never_starts(scene: Scene, request_: Request) -> None:
    tickets.pause(scene.home, None, True)
    run = scene.add()
    says(run, "paused")
    requests.ask(run, request_)
    assert over(run, "stopped")["reason"] == tickets.TAKEN_OUT
    assert not tickets.is_queued(run)
    never_trained(run)


def test_a_run_that_is_deleted_while_it_waits_leaves_nothing(scene: Scene) -> None:
    tickets.pause(scene.home, None, True)
    run = scene.add()
    says(run, "paused")
    shutil.rmtree(run.path)
    wait_for(lambda: not tickets.is_queued(run), 20)
    assert not run.path.exists()


def test_what_is_changed_while_it_waits_is_trained_and_later_nothing_can_be(scene: Scene) -> None:
    tickets.pause(scene.home, None, True)
    run = scene.add(*SHORT[:1], "until-stop")
    says(run, "paused")
    changed = files.load(str(run.preset), scene.home, ["train.num_train_epochs=7"])
    rewrite(scene.home, run, changed, 1234)
    ticket = tickets.read_ticket(run)
    assert ticket is not None
    assert ticket.need_mib == 1234
    tickets.pause(scene.home, None, False)
    trains(run)
    assert files.load_frozen(run.preset).train.num_train_epochs == 7
    before = run.preset.read_bytes()
    again = files.load(str(run.preset), scene.home, ["train.num_train_epochs=9"])
    with pytest.raises(QueueError, match="has started, or was taken out; what it trains is frozen"):
        rewrite(scene.home, run, again, None)
    assert run.preset.read_bytes() == before
    assert not tickets.is_queued(run)
    stop(run)


def test_a_run_whose_data_are_missing_is_not_put_into_the_queue(scene: Scene) -> None:
    with pytest.raises(LaunchError, match=r"data.train_dataset: /nowhere/rows.jsonl does not exist"):
        scene.add(overrides=["data.train_dataset=/nowhere/rows.jsonl"])
    assert tickets.waiting(scene.home) == []
    assert not (scene.home / "runs").exists()
