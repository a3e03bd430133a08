"""The Judge: never more than its share of the time, and in the end the verdict of the whole."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.insight.curves import Curves
from runner.insight.diagnosis import UNKNOWN, ThrottledDiagnosis, diagnose
from runner.insight.diagnosis.throttled import PAUSE
from runner.store.directory import RunDirectory, read_json
from runner.store.history import History, read_history
from runner.supervision.monitor import RunMonitor
from tests.run.scenes import Event, add, end, evaluation, overfitting, phase, plan, step

CURVES = Curves()


class Clock:
    """A clock that only goes on when work or waiting is done."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.cost = 0.3
        self.spent = 0.0

    def monotonic(self) -> float:
        return self.now

    def judged(self, curves: Curves) -> object:
        self.now += self.cost
        self.spent += self.cost
        return diagnose(curves)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("runner.insight.diagnosis.throttled.time", made)
    monkeypatch.setattr("runner.insight.diagnosis.throttled.diagnose", made.judged)
    return made


@pytest.mark.parametrize("cost", [0.001, 0.3, 10.0])
def test_no_more_than_a_thirtieth_of_the_time(clock: Clock, cost: float) -> None:
    clock.cost = cost
    judge, began = ThrottledDiagnosis(), clock.now
    for _ in range(20_000):
        judge.note()
        judge.judge(CURVES)
        clock.now += 0.1
    assert cost <= clock.spent <= (clock.now - began) / PAUSE + cost
    assert clock.spent >= 0.8 * (clock.now - began) / (PAUSE + 1) - cost or cost < 0.1 / PAUSE


def test_what_is_not_afforded_now_is_made_up_for(clock: Clock) -> None:
    judge = ThrottledDiagnosis()
    assert judge.verdict is UNKNOWN
    assert not judge.judge(CURVES)
    judge.note()
    assert judge.judge(CURVES)
    judge.note()
    assert not judge.judge(CURVES)
    clock.now += PAUSE * clock.cost
    assert judge.judge(CURVES)
    assert not judge.judge(CURVES)


def test_judgements_are_so_far_apart_as_is_wanted(clock: Clock) -> None:
    clock.cost = 0.001
    judge, began = ThrottledDiagnosis(least_seconds=1), clock.now
    made = 0
    while clock.now < began + 10:
        judge.note()
        made += judge.judge(CURVES)
        clock.now += 0.1
    assert 9 <= made <= 10
    judge.note()
    assert judge.judge(CURVES, urgent=True)


def test_urgent_is_at_once_but_only_with_something_new(clock: Clock) -> None:
    judge = ThrottledDiagnosis()
    assert not judge.judge(CURVES, urgent=True)
    for _ in range(3):
        judge.note()
        assert judge.judge(CURVES, urgent=True)
        assert not judge.judge(CURVES, urgent=True)


def test_a_clock_that_begins_at_nought(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    clock.now = 0.0
    monkeypatch.setattr("runner.insight.diagnosis.throttled.time", clock)
    judge = ThrottledDiagnosis()
    judge.note()
    assert judge.judge(CURVES)


def a_run(seed: int, length: int, with_resume: bool) -> list[Event]:
    """A run of some shape: healthy, overfit, diverging or broken, with spikes and perhaps a resume."""
    chance = random.Random(seed)
    rise, drop = chance.choice([0.0, 0.0, 0.02, 0.1]), chance.choice([0.0, 0.03])
    events: list[Event] = [phase("training"), plan(length, learning_rate=1e-4, lr_scheduler_type="constant")]
    broken = chance.randint(1, 4 * length)
    for i in range(1, length + 1):
        loss = 2.5 * 0.99**i * chance.gauss(1, 0.05) * (4 if chance.random() < 0.02 else 1)
        events.append(step(i, "NaN" if i == broken else loss))
        if i % 10 == 0:
            val = 2.5 - i * drop / 10 + rise * max(0, i - length // 2) / 10
            events += [
                evaluation(i, val, row_losses=[val, val + 0.1]),
                evaluation(i, 2.5 - i * 0.02, "train_probe"),
            ]
            events.append({"type": "checkpoint", "step": i})
        if i % 7 == 0:
            events.append({"type": "memory", "reserved_mib": 1000 + i})
    if with_resume:
        back = chance.randint(1, length)
        events.append({"type": "resume", "step": back})
        events += [step(i, 2.0) for i in range(back + 1, min(length, back + 20) + 1)]
    return events + (end("finished") if chance.random() < 0.5 else [])


@settings(max_examples=60)
@given(
    st.integers(0, 10**6),
    st.integers(5, 250),
    st.booleans(),
    st.lists(st.integers(1, 60), min_size=1, max_size=6),
)
def test_piece_by_piece_ends_as_the_whole(
    seed: int, length: int, with_resume: bool, sizes: list[int]
) -> None:
    events = a_run(seed, length, with_resume)
    history, judge, at, turn = History(), ThrottledDiagnosis(), 0, 0
    while at < len(events):
        size = sizes[turn % len(sizes)]
        for event in events[at : at + size]:
            history.fold(event)
        at, turn = at + size, turn + 1
        judge.note()
        judge.judge(history.curves(), urgent=turn % 3 == 0)
    judge.note()
    judge.judge(history.curves(), urgent=True)
    whole = History()
    for event in events:
        whole.fold(event)
    assert repr(judge.verdict) == repr(diagnose(whole.curves()))


@pytest.mark.parametrize("seed", range(6))
def test_the_last_state_of_a_run_is_the_verdict_of_its_file(tmp_path: Path, seed: int) -> None:
    run = RunDirectory(tmp_path)
    watch = RunMonitor(run)
    events = [*a_run(seed, 120, seed % 2 == 0), *end("finished")]
    for at in range(0, len(events), 37):
        add(run, *events[at : at + 37])
        watch.update({}, {})
    watch.update({}, {}, final=True)
    verdict = diagnose(read_history(run).curves())
    state = read_json(run.state)
    assert (state["verdict"], state["severity"], state["headline"]) == (
        verdict.kind.value,
        int(verdict.severity),
        verdict.headline,
    )
    assert state["phase"] == "finished"


def test_a_slow_judgement_is_made_at_the_end(clock: Clock, tmp_path: Path) -> None:
    clock.cost = 1000.0
    run = RunDirectory(tmp_path)
    watch = RunMonitor(run)
    add(run, *overfitting(5))
    watch.update({}, {})
    add(run, *overfitting()[len(overfitting(5)) :], *end("finished"))
    watch.update({}, {})
    assert read_json(run.state)["verdict"] == "healthy"
    watch.update({}, {}, final=True)
    assert read_json(run.state)["verdict"] == "overfitting"
