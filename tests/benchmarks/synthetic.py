"""The detectors on curves with a known answer, judged at each evaluation and at the end, as live:
`python -m tests.benchmarks.synthetic [--per-class 1000] [--seed 0] [--without-rows] [--json]`.

For each class: the share of runs with any finding of at least a warning, by detector; for the faulty ones how often the
right detector warned, how often too early, and how many evaluations after the true onset. The same seed gives the same
runs, however many processes draw them. With --json the wrong ones are listed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context
from statistics import mean, median, quantiles
from typing import Any

import numpy as np

from runner.insight.curves import Curves, EvalPoint, Schedule
from runner.insight.diagnosis import Severity, diagnose
from runner.insight.train_curve import COLUMNS, Column, TrainCurve
from tests.benchmarks.synthetic_shapes import KINDS, SCHEDULES, TAIL_SPREAD, TAILS, Batch, Kind

CHUNK = 20
PROCESSES = 2
EXAMPLES = 20


@dataclass(frozen=True)
class Run:
    """One run, over; `drawn` holds what it was made from.

    `onset` is the index of its first evaluation at or after the true beginning of what is wrong with it; the end of the
    run counts as one more evaluation.
    """

    kind: Kind
    index: int
    curves: Curves
    onset: int
    drawn: dict[str, float]

    @property
    def moments(self) -> list[int]:
        """Steps at which a run is judged: its evaluations, and its end."""
        return [*(point.step for point in self.curves.val), self.curves.step]

    def until(self, moment: int) -> Curves:
        """What was known at that moment, live."""
        step, whole = self.moments[moment], self.curves
        columns = (getattr(whole.train, name)[:step] for name in COLUMNS)
        return replace(
            whole,
            train=TrainCurve(*columns),
            evals={name: points[: moment + 1] for name, points in whole.evals.items()},
            checkpoints=tuple(saved for saved in whole.checkpoints if saved <= step),
            is_over=moment == len(self.moments) - 1,
        )


def draw(number: int, chunk: int, seed: int) -> list[Run]:
    """The runs chunk · CHUNK … of KINDS[number]; the same for the same seed."""
    kind = KINDS[number]
    rng = np.random.default_rng([seed, number, chunk])
    batch = Batch(rng, CHUNK, kind.epochs)
    kind.shape(batch)
    steps, evals = _train(batch), _evaluations(batch)
    # Drawn by a generator of its own, so that the curves are those of runs without it.
    own = np.random.default_rng([seed, number, chunk, 1])
    return [_run(batch, kind, chunk * CHUNK, row, steps, evals, own) for row in range(CHUNK)]


def _row_losses(rng: np.random.Generator, points: Sequence[EvalPoint], total: int) -> dict[int, Column]:
    """The loss of each held-out row at each evaluation, by step, whose mean is that evaluation's loss.

    Real rows of recorded runs drift apart by 2 to 12 % of the loss from one evaluation to the next.
    """
    n = max(2, points[0].n)
    own, spread = np.exp(rng.normal(0, 0.5, n)), np.exp(rng.uniform(np.log(0.05), np.log(0.3)))
    walk, before, losses = np.zeros(n), 0, {}
    for point in points:
        walk = walk + rng.normal(0, 1, n) * spread * np.sqrt((point.step - before) / total)
        shape = own * np.exp(walk)
        losses[point.step], before = point.loss * shape / shape.mean(), point.step
    return losses


def _train(b: Batch) -> dict[str, Column]:
    """The columns of every step from 1, shape (n, steps) each."""
    shape = b.rate[:, 1:].shape
    wobble = b.noise * b.rng.standard_t(TAILS, shape) / TAIL_SPREAD
    loss = b.trained[:, :-1] * np.exp(b.seen(by_epoch=True)[:, 1:] + b.jitter[:, 1:] + wobble)
    seconds = b.uniform(0.5, 4) * np.exp(b.rng.normal(0, 0.05, shape))
    scatter = b.rng.normal(0, 1, shape) * b.log_uniform(0.15, 0.7)
    early = 1 + 2 * np.exp(-b.progress[:, 1:] / 0.02)
    return {
        "step": np.broadcast_to(b.step[:, 1:], shape),
        "epoch": b.step[:, 1:] / b.per_epoch,
        "loss": loss,
        "lr": b.peak * b.rate[:, 1:],
        "grad_norm": b.log_uniform(0.3, 10) * early * b.grad[:, 1:] * np.exp(scatter),
        "tokens": np.round(b.log_uniform(500, 20000) * np.exp(b.rng.normal(0, 0.2, shape))),
        "seconds": seconds,
        "accuracy": np.exp(-0.55 * loss),
        "time": 1.7e9 + np.cumsum(seconds, axis=1),
    }


def _evaluations(b: Batch) -> dict[str, Column]:
    """The losses of each set by evaluation, shape (n, most evaluations); the wobble of the weights is common to all."""
    step = np.minimum(np.arange(b.dips.shape[1])[None, :] * b.every, b.total).astype(int)
    common, own, third = b.rng.normal(0, 1, (3, *b.dips.shape))
    val, trained, seen, general = (
        np.take_along_axis(values, step, axis=1)
        for values in (b.held_out, b.trained, b.seen(by_epoch=False), b.general)
    )
    probe = trained * np.exp(
        seen + b.eval_noise * (common + own) / np.sqrt(2) + b.rng.normal(0, 0.02, (b.n, 1))
    )
    return {
        "val": val * np.exp(b.eval_noise * (common + b.dips)),
        "train_probe": probe,
        "general": b.uniform(1.5, 3) * general * np.exp(b.general_noise * third),
    }


def _run(
    b: Batch,
    kind: Kind,
    first: int,
    row: int,
    steps: dict[str, Column],
    evals: dict[str, Column],
    rng: np.random.Generator,
) -> Run:
    total, per_epoch, every = (int(values[row, 0]) for values in (b.total, b.per_epoch, b.every))
    at = [every * k for k in range(int(b.evals[row, 0]))]
    missing = {"train_probe": not b.has_probe[row, 0], "general": not b.has_general[row, 0]}
    points = {
        name: tuple(
            EvalPoint(step, float(loss), int(b.rows[row, 0]), step / per_epoch)
            for step, loss in zip(at, losses[row], strict=False)
        )
        for name, losses in evals.items()
        if not missing.get(name)
    }
    # Runs that evaluate training rows too keep the loss of each row; logs of other trainers have neither.
    kept = {} if missing["train_probe"] else {"val": _row_losses(rng, points["val"], total)}
    curves = Curves(
        train=TrainCurve(**{name: values[row, :total] for name, values in steps.items()}),
        evals=points,
        row_losses=kept,
        checkpoints=tuple(at[1:]),
        total_steps=total,
        steps_per_epoch=per_epoch,
        warmup_steps=int(b.warmup[row, 0]),
        trainable_parameters=1_000_000,
        is_over=True,
        schedule=Schedule(SCHEDULES[int(b.schedule[row, 0])], float(b.peak[row, 0])),
    )
    named = {"noise": b.noise, "eval_noise": b.eval_noise, "drop": b.drop, "onset": b.onset} | b.drawn
    drawn = {name: round(float(values[row, 0]), 4) for name, values in named.items()}
    drawn |= {
        "steps": total,
        "epochs": round(total / per_epoch, 1),
        "evals": len(at),
        "probe": not missing["train_probe"],
    }
    return Run(kind, first + row, curves, int(np.searchsorted([*at, total], b.onset[row, 0])), drawn)


@dataclass(frozen=True)
class Outcome:
    """What was said of one run: `alarms` maps a detector's id to the moments at which it warned."""

    kind: Kind
    index: int
    onset: int
    alarms: dict[str, list[int]]
    drawn: dict[str, float]

    @property
    def delay(self) -> int | None:
        """Evaluations from the onset to the first warning of the right detector; None if it never came."""
        after = [moment for moment in self.alarms.get(self.kind.expected or "", []) if moment >= self.onset]
        return after[0] - self.onset if after else None

    @property
    def is_early(self) -> bool:
        """Whether the right detector warned before there was anything to see."""
        return any(moment < self.onset for moment in self.alarms.get(self.kind.expected or "", []))

    @property
    def is_wrong(self) -> bool:
        """A false alarm of a healthy run, or a fault that was missed."""
        return bool(self.alarms) if self.kind.expected is None else self.delay is None

    def example(self) -> dict[str, Any]:
        return {"index": self.index, "onset": self.onset, "alarms": self.alarms, "drawn": self.drawn}


def judge(run: Run) -> Outcome:
    """Replay a run moment by moment."""
    alarms: dict[str, list[int]] = {}
    for moment in range(len(run.moments)):
        findings = diagnose(run.until(moment)).findings
        for name in {finding.id for finding in findings if finding.severity >= Severity.WARNING}:
            alarms.setdefault(name, []).append(moment)
    return Outcome(run.kind, run.index, run.onset, alarms, run.drawn)


def judge_chunk(task: tuple[int, int, int, bool]) -> list[Outcome]:
    *drawn, with_rows = task
    runs = draw(*drawn)
    if not with_rows:
        runs = [replace(run, curves=replace(run.curves, row_losses={})) for run in runs]
    return [judge(run) for run in runs]


def measure(per_class: int, seed: int, with_rows: bool = True) -> Iterator[list[Outcome]]:
    """The outcomes of every class in turn, some at a time; without the losses of single rows if asked."""
    chunks = range(-(-per_class // CHUNK))
    with get_context("spawn").Pool(PROCESSES) as pool:
        yield from pool.imap(
            judge_chunk,
            [(number, chunk, seed, with_rows) for number in range(len(KINDS)) for chunk in chunks],
        )


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Shares are of the runs of one class; delays count evaluations."""
    count, expected = len(outcomes), outcomes[0].kind.expected
    by_id = Counter(name for outcome in outcomes for name in outcome.alarms)
    told: dict[str, Any] = {
        "runs": count,
        "expected": expected,
        "any": sum(bool(outcome.alarms) for outcome in outcomes) / count,
        "by_id": {name: by_id[name] / count for name in sorted(by_id)},
    }
    if expected is not None:
        delays = sorted(outcome.delay for outcome in outcomes if outcome.delay is not None)
        told |= {
            "hits": len(delays) / count,
            "early": sum(outcome.is_early for outcome in outcomes) / count,
            "delay_median": median(delays) if delays else None,
            "delay_mean": mean(delays) if delays else None,
            "delay_p90": quantiles(delays, n=10)[-1] if len(delays) > 1 else None,
        }
    told["examples"] = [outcome.example() for outcome in outcomes if outcome.is_wrong][:EXAMPLES]
    return told


def table(told: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield f"{'class':20}{'any':>8}{'expected':>16}{'hits':>8}{'early':>8}{'delay':>7}{'mean':>6}{'p90':>6}  by detector"
    for name, row in told.items():
        ids = "  ".join(f"{key} {100 * share:.1f}" for key, share in row["by_id"].items())
        right = " " * 51
        if row["expected"]:
            delays = "".join(
                f"{'–' if row[key] is None else f'{row[key]:.{digits}f}':>{width}}"
                for key, digits, width in (("delay_median", 0, 7), ("delay_mean", 1, 6), ("delay_p90", 0, 6))
            )
            right = f"{row['expected']:>16}{100 * row['hits']:7.1f}%{100 * row['early']:7.1f}%{delays}"
        yield f"{name:20}{100 * row['any']:7.1f}%{right}  {ids}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--per-class", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--without-rows", action="store_true", help="as if the losses of single rows were not kept"
    )
    parser.add_argument("--json", action="store_true", help="with examples of false alarms and misses")
    asked = parser.parse_args()
    outcomes: dict[str, list[Outcome]] = {kind.name: [] for kind in KINDS}
    for chunk in measure(asked.per_class, asked.seed, not asked.without_rows):
        mine = outcomes[chunk[0].kind.name]
        mine += chunk[: asked.per_class - len(mine)]
        if sys.stderr.isatty():
            print(f"\r{chunk[0].kind.name:20}{len(mine):6}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    told = {name: summary(list_) for name, list_ in outcomes.items()}
    if asked.json:
        print(json.dumps({"seed": asked.seed, "per_class": asked.per_class, "classes": told}, indent=1))
    else:
        print("\n".join(table(told)))


if __name__ == "__main__":
    main()
