"""The detectors on drawn runs with a known answer; the whole measurement is tests/benchmarks/synthetic.py.

A few runs of each class with a fixed seed. The slack: a detector exactly as good as asked for would fail a class with a
probability of one in a thousand.
"""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from tests.benchmarks.synthetic import CHUNK, Outcome, draw, judge_chunk, summary, table
from tests.benchmarks.synthetic_shapes import KINDS, Kind

CHUNKS = 3
SEED = 1
RUNS = CHUNKS * CHUNK
CHANCE = 0.001
# Shares of runs. A healthy run is not to be warned about, whatever the detector.
FALSE_ALARMS = 0.02
MISSES = {
    "overfit": 0.05,
    "blown up": 0.08,
    # Up to 1.5 times the loss, within train losses that scatter by up to 25 %.
    "drifting up": 0.25,
    "NaN": 0.0,
    "oscillating": 0.10,
    "not learning": 0.05,
    "forgetting": 0.05,
}
HEALTHY = [kind for kind in KINDS if kind.expected is None]
FAULTY = [kind for kind in KINDS if kind.name in MISSES]


def most(share: float) -> int:
    """The count among RUNS that is exceeded with a probability below CHANCE when each counts with this share."""
    left = 1.0
    for count in range(RUNS + 1):
        left -= comb(RUNS, count) * share**count * (1 - share) ** (RUNS - count)
        if left < CHANCE:
            return count
    return RUNS


def outcomes(kind: Kind) -> list[Outcome]:
    return [
        outcome for chunk in range(CHUNKS) for outcome in judge_chunk((KINDS.index(kind), chunk, SEED, True))
    ]


def wrong(kind: Kind) -> list[str]:
    """What went wrong, a line a run: its index, the alarms, and what it was drawn from."""
    return [f"{o.index}: {o.alarms} {o.drawn}" for o in outcomes(kind) if o.is_wrong]


def test_the_slack_is_that_of_the_binomial_distribution() -> None:
    assert most(0.0) == 0
    assert (most(0.02), most(0.05), most(1.0)) == (6, 9, RUNS)


@pytest.mark.parametrize("kind", HEALTHY, ids=lambda kind: kind.name)
def test_healthy_runs_are_left_alone(kind: Kind) -> None:
    alarms = wrong(kind)
    assert len(alarms) <= most(FALSE_ALARMS), "\n".join(alarms)


@pytest.mark.parametrize("kind", FAULTY, ids=lambda kind: kind.name)
def test_faulty_runs_are_found_by_the_right_detector(kind: Kind) -> None:
    missed = wrong(kind)
    assert len(missed) <= most(MISSES[kind.name]), "\n".join(missed)


def test_the_same_seed_gives_the_same_runs_and_another_seed_others() -> None:
    first, again, other = (draw(0, 0, seed)[3].curves for seed in (5, 5, 6))
    assert np.array_equal(first.train.loss, again.train.loss)
    assert first.evals == again.evals
    assert first.evals != other.evals


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_run_replayed_knows_nothing_of_what_comes_later(kind: Kind) -> None:
    run = draw(KINDS.index(kind), 0, SEED)[0]
    assert 8 <= len(run.curves.val) <= 25
    for moment, point in enumerate(run.curves.val):
        known = run.until(moment)
        assert known.step == point.step == known.val[-1].step
        assert max(known.checkpoints, default=0) <= known.step
        assert not known.is_over
    assert run.until(len(run.curves.val)).is_over


def test_the_table_counts_hits_after_the_onset_and_alarms_before_it() -> None:
    kind = next(kind for kind in KINDS if kind.name == "overfit")
    hit, early, missed = (
        Outcome(kind, index, 4, alarms, {})
        for index, alarms in enumerate(
            ({"overfitting": [6, 7]}, {"overfitting": [2, 4]}, {"overfitting": [3]})
        )
    )
    told = summary([hit, early, missed, Outcome(kind, 3, 4, {}, {})])
    assert (told["hits"], told["early"], told["any"], told["delay_median"]) == (0.5, 0.5, 0.75, 1.0)
    assert [example["index"] for example in told["examples"]] == [2, 3]
    assert "50.0%" in list(table({kind.name: told}))[1]
