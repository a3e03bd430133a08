"""`python -m tests.benchmarks.curves DIR`: replays labelled training logs point by point and counts what is found.

DIR holds NNN.json (train [[step, epoch, loss, lr, grad_norm]], eval [[step, epoch, loss]], args) and labels.json. Every
log is judged after each of its entries, as it would have been live. Printed per label: precision, recall, how early the
finding came, and the false alarms.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np

from runner.insight.curves import Curves, EvalPoint, TrainCurve
from runner.insight.diagnosis import Severity, diagnose

EXPECTED = {
    "overfit": {"overfitting"},
    "diverged": {"non-finite", "nothing-trained", "divergence"},
    "not_learning": {"not-learning"},
    "lr_too_high_oscillation": {"rate-too-high"},
    "spike": {"spike"},
}
# With fewer no slope can be tested, and the rules say so instead of guessing.
ENOUGH_EVALUATIONS = 5
# A log of more entries is judged at so many of them, like a running one, which is judged a few times a second.
MOST_MOMENTS = 500


@dataclass
class Replay:
    """One log: every finding's id with its gravest severity and the step at which it was first made."""

    name: str
    label: Mapping[str, Any]
    first: dict[str, int] = field(default_factory=dict)
    gravest: dict[str, int] = field(default_factory=dict)
    alarmed: dict[str, int] = field(default_factory=dict)
    final: str = ""
    last_step: int = 0

    @property
    def alarms(self) -> set[str]:
        """The findings that were warnings or worse at any time."""
        return set(self.alarmed)


def read_curves(record: Mapping[str, Any], steps_per_epoch: int | None) -> Curves:
    """A whole log as Curves."""
    rows = {int(row[0]): row for row in record["train"]}
    train = [rows[step] for step in sorted(rows)]
    columns: list[Any] = list(zip(*train, strict=True)) if train else [()] * 5
    step, epoch, loss, lr, grad = (
        np.array([math.nan if value is None else float(value) for value in column]) for column in columns
    )
    args = record.get("args") or {}
    points = {int(p[0]): EvalPoint(int(p[0]), float(p[2]), 0, float(p[1] or 0.0)) for p in record["eval"]}
    return Curves(
        train=TrainCurve.of(step=step, epoch=epoch, loss=loss, lr=lr, grad_norm=grad),
        evals={"val": tuple(points[key] for key in sorted(points))},
        total_steps=args.get("max_steps") or None,
        steps_per_epoch=steps_per_epoch,
        warmup_steps=int(args.get("warmup_steps") or 0),
        nan_hidden=True,
    )


def steps_per_epoch(record: Mapping[str, Any]) -> int | None:
    """From the last entry that says its epoch."""
    for row in reversed([*record["train"], *record["eval"]]):
        if row[1]:
            return round(float(row[0]) / float(row[1]))
    return None


def prefixes(curves: Curves) -> Iterator[Curves]:
    """The log as it was after each of its entries, evaluations before the train entry of the same step."""
    every = max(1, len(curves.train) // MOST_MOMENTS)
    ends = {int(s) for s in [*curves.train.step[every - 1 :: every], *curves.train.step[-1:]]}
    moments = sorted({*ends, *(p.step for p in curves.val)})
    for moment in moments:
        end = int(np.searchsorted(curves.train.step, moment, side="right"))
        part = TrainCurve(*(getattr(curves.train, name)[:end] for name in TrainCurve.__dataclass_fields__))
        yield Curves(
            train=part,
            evals={"val": tuple(p for p in curves.val if p.step <= moment)},
            total_steps=curves.total_steps,
            steps_per_epoch=curves.steps_per_epoch,
            warmup_steps=curves.warmup_steps,
            nan_hidden=curves.nan_hidden,
        )


def replay(item: tuple[Path, Mapping[str, Any]]) -> Replay:
    """Judge one log as it grows."""
    path, label = item
    record = json.loads(path.read_text())
    result = Replay(path.stem, label)
    for curves in prefixes(read_curves(record, steps_per_epoch(record))):
        verdict = diagnose(curves)
        result.last_step = max(curves.step, curves.val[-1].step if curves.val else 0)
        result.final = verdict.kind.value
        for found in verdict.findings:
            result.first.setdefault(found.id, result.last_step)
            result.gravest[found.id] = max(result.gravest.get(found.id, 0), int(found.severity))
            if found.severity >= Severity.WARNING:
                result.alarmed.setdefault(found.id, result.last_step)
    return result


def run(folder: Path) -> list[Replay]:
    """Every labelled log of a folder."""
    labels = json.loads((folder / "labels.json").read_text())
    items = [(folder / f"{name}.json", label) for name, label in sorted(labels.items())]
    replays = []
    with Pool(2) as pool:
        for done, result in enumerate(pool.imap(replay, items), start=1):
            if sys.stderr.isatty():
                print(f"\r{done}/{len(items)}", end="", file=sys.stderr, flush=True)
            replays.append(result)
    print(file=sys.stderr)
    return replays


def enough(result: Replay) -> bool:
    """Whether the log has what a rule needs: evaluations, and train values to see memorising by."""
    after = result.label.get("n_eval", 0)
    return bool(after >= ENOUGH_EVALUATIONS and result.label.get("n_train", 0) > 0)


def score(replays: list[Replay], label: str) -> dict[str, Any]:
    """Precision and recall of one label over these logs, and how early its finding came."""
    ids = EXPECTED[label]
    level = "gravest" if label == "spike" else "alarmed"
    hit = {r.name for r in replays if ids & set(getattr(r, level))}
    true = {r.name for r in replays if label in r.label["labels"]}
    right = [r for r in replays if r.name in hit & true]
    early = [min(r.first[i] for i in ids if i in r.first) / max(1, r.last_step) for r in right]
    return {
        "true": len(true),
        "hit": len(hit & true),
        "recall": len(hit & true) / len(true) if true else None,
        "precision": len(hit & true) / len(hit) if hit else None,
        "found_at_share_of_run": round(float(np.median(early)), 2) if early else None,
        "missed": sorted(true - hit),
        "false": sorted(hit - true),
    }


def summary(replays: list[Replay]) -> dict[str, Any]:
    """Everything that is printed."""
    clear = [r for r in replays if not r.label["borderline"]]
    judged = [r for r in clear if "overfit" not in r.label["labels"] or enough(r)]
    healthy = [r for r in clear if r.label["labels"] == ["healthy"]]
    alarmed = {r.name: sorted(r.alarms) for r in healthy if r.alarms}
    return {
        "logs": len(replays),
        "unambiguous": len(clear),
        "overfit, unambiguous, enough evaluations": score(judged, "overfit"),
        "labels, unambiguous": {label: score(clear, label) for label in EXPECTED},
        "labels, all": {label: score(replays, label) for label in EXPECTED},
        "healthy": len(healthy),
        "healthy_without_alarm": 1 - len(alarmed) / len(healthy) if healthy else None,
        "healthy_alarmed": alarmed,
        "false_alarms_per_run": sum(len(ids) for ids in alarmed.values()) / max(1, len(healthy)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = summary(run(arguments.folder))
    if arguments.json:
        print(json.dumps(result, indent=1))
        return 0
    for title in ("overfit, unambiguous, enough evaluations", "labels, unambiguous", "labels, all"):
        part = result[title]
        rows = part if "labels" in title else {"overfit": part}
        print(
            f"\n{title}\n{'label':<26}{'true':>5}{'hit':>5}{'recall':>8}{'precision':>11}{'at':>6}  missed | false"
        )
        for name, row in rows.items():
            recall, precision = (
                f"{row[k]:.2f}" if row[k] is not None else "-" for k in ("recall", "precision")
            )
            print(
                f"{name:<26}{row['true']:>5}{row['hit']:>5}{recall:>8}{precision:>11}"
                f"{row['found_at_share_of_run'] or '-':>6}  {' '.join(row['missed'])} | {' '.join(row['false'])}"
            )
    print(
        f"\nhealthy, unambiguous: {result['healthy']}; "
        f"without an alarm: {100 * result['healthy_without_alarm']:.1f} %; "
        f"alarms a run: {result['false_alarms_per_run']:.3f}"
    )
    for name, ids in result["healthy_alarmed"].items():
        print(f"  {name}: {' '.join(ids)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
