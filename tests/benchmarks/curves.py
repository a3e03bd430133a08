"""`python -m tests.benchmarks.curves DIR…`: replays labelled training logs point by point and counts what is found.

A DIR holds NNN.json (train [[step, epoch, loss, lr, grad_norm]], eval [[step, epoch, loss]], args) and labels.json.
Every log is judged after each of its entries, as it would have been live. Printed for all logs, for each directory, for
those before and from `--new-from` on, by kind of log, and by folds of repositories: precision and recall of each label,
how many evaluations after the earliest right moment a finding came, false alarms, and how often a verdict changed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np

from runner.insight.curves import Curves, EvalPoint, Metric
from runner.insight.diagnosis import Severity, ThrottledDiagnosis, VerdictKind, diagnose
from runner.insight.train_curve import TrainCurve

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
FOLDS = 5
# Tasks whose loss is not judged, and the metric that a log of theirs has.
REWARDED = {"rl": "reward", "dpo": "rewards/margins"}


@dataclass
class Replay:
    """One log: every finding's id with its gravest severity and the step at which it was first made."""

    name: str
    folder: str
    repository: str
    label: Mapping[str, Any]
    first: dict[str, int] = field(default_factory=dict)
    gravest: dict[str, int] = field(default_factory=dict)
    alarmed: dict[str, int] = field(default_factory=dict)
    final: str = ""
    last_step: int = 0
    changes: int = 0
    raw_changes: int = 0
    evaluations: tuple[int, ...] = ()

    @property
    def alarms(self) -> set[str]:
        """The findings that were warnings or worse at any time."""
        return set(self.alarmed)

    @property
    def delay(self) -> int | None:
        """Evaluations from the earliest at which a warning of overfitting is right to the first one; None without."""
        right: int | None = self.label.get("first_eval_3pct_over_min")
        found = self.alarmed.get("overfitting")
        if right is None or found is None:
            return None
        return sum(right < step <= found for step in self.evaluations)


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
        metrics=rewards(record),
    )


def rewards(record: Mapping[str, Any]) -> dict[str, Metric]:
    """What a log of reinforcement or preference learning has beside its loss; where the record kept none of it, the
    name alone, which every such trainer logs.
    """
    name = REWARDED.get(str(record.get("task")))
    kept = (record.get("eval_metrics") or {}).items()
    found = {
        key: Metric(*np.array([[float(x), float(y)] for x, y in values if y is not None]).T)
        for key, values in kept
        if values
    }
    if name is None:
        return {}
    return found | ({} if name in found else {name: Metric(np.zeros(1), np.full(1, math.nan))})


def steps_per_epoch(record: Mapping[str, Any]) -> int | None:
    """From the last entry that says its epoch, else from the plan."""
    args = record.get("args") or {}
    plan = [args.get("max_steps"), args.get("num_train_epochs")]
    for step, epochs, *_ in [*reversed([*record["train"], *record["eval"]]), plan]:
        if isinstance(step, int | float) and isinstance(epochs, int | float) and epochs:
            size: int = round(step / epochs)
            return size
    return None


def prefixes(curves: Curves) -> Iterator[Curves]:
    """The log as it was after each of its entries, evaluations before the train entry of the same step."""
    every = max(1, len(curves.train) // MOST_MOMENTS)
    ends = {int(s) for s in [*curves.train.step[every - 1 :: every], *curves.train.step[-1:]]}
    moments = sorted({*ends, *(p.step for p in curves.val)})
    for moment in moments:
        end = int(np.searchsorted(curves.train.step, moment, side="right"))
        part = curves.train.part(slice(end))
        evals = {"val": tuple(p for p in curves.val if p.step <= moment)}
        yield replace(curves, train=part, evals=evals, is_over=moment == moments[-1])


def replay(item: tuple[Path, Mapping[str, Any]]) -> Replay:
    """Judge one log as it grows."""
    path, label = item
    record = json.loads(path.read_text())
    source = record.get("source") or ""
    repository = source.split(":")[0] if isinstance(source, str) else str(source.get("repo"))
    result = Replay(path.stem, path.parent.name, repository, label)
    whole, judge = read_curves(record, steps_per_epoch(record)), ThrottledDiagnosis()
    result.evaluations = tuple(point.step for point in whole.val)
    for curves in prefixes(whole):
        verdict = diagnose(curves)
        shown = judge.verdict.kind
        judge.take(verdict, curves)
        result.changes += shown not in (VerdictKind.TOO_EARLY, judge.verdict.kind)
        result.raw_changes += result.final not in ("", VerdictKind.TOO_EARLY.value, verdict.kind.value)
        result.last_step = max(curves.step, curves.val[-1].step if curves.val else 0)
        result.final = verdict.kind.value
        for found in verdict.findings:
            result.first.setdefault(found.id, result.last_step)
            result.gravest[found.id] = max(result.gravest.get(found.id, 0), int(found.severity))
            if found.severity >= Severity.WARNING:
                result.alarmed.setdefault(found.id, result.last_step)
    return result


def run(folders: Sequence[Path]) -> list[Replay]:
    """Every labelled log of the folders."""
    items = [
        (folder / f"{name}.json", label)
        for folder in folders
        for name, label in sorted(json.loads((folder / "labels.json").read_text()).items())
    ]
    replays = []
    with Pool(2) as pool:
        for done, result in enumerate(pool.imap(replay, items), start=1):
            if sys.stderr.isatty():
                print(f"\r{done}/{len(items)}", end="", file=sys.stderr, flush=True)
            replays.append(result)
    print(file=sys.stderr)
    return replays


def subsets(replays: Sequence[Replay], new_from: str) -> Iterator[tuple[str, list[Replay]]]:
    """(title, its logs): all, each directory, old and new, kinds, folds of repositories."""
    yield "all", list(replays)
    folders = sorted({r.folder for r in replays})
    if len(folders) > 1:
        yield from ((f"directory {name}", [r for r in replays if r.folder == name]) for name in folders)
    yield f"before {new_from}", [r for r in replays if r.name < new_from]
    yield f"from {new_from} on", [r for r in replays if r.name >= new_from]
    for kind in sorted({r.label["kind"] for r in replays}):
        yield f"kind {kind}", [r for r in replays if r.label["kind"] == kind]
    for fold in range(FOLDS):
        title = f"repositories {fold + 1} of {FOLDS}"
        yield title, [r for r in replays if zlib.crc32(r.repository.encode()) % FOLDS == fold]


def enough(result: Replay) -> bool:
    """Whether the log has what a rule needs: evaluations, and train values to see memorising by."""
    after = result.label.get("n_eval", 0)
    return bool(after >= ENOUGH_EVALUATIONS and result.label.get("n_train", 0) > 0)


def score(replays: Sequence[Replay], label: str) -> dict[str, Any]:
    """Precision and recall of one label over these logs, and how early its finding came."""
    ids = EXPECTED[label]
    level = "gravest" if label == "spike" else "alarmed"
    hit = {r.name for r in replays if ids & set(getattr(r, level))}
    true = {r.name for r in replays if label in r.label["labels"]}
    right = [r for r in replays if r.name in hit & true]
    early = [min(r.first[i] for i in ids if i in r.first) / max(1, r.last_step) for r in right]
    delays = [r.delay for r in right if label == "overfit" and r.delay is not None]
    return {
        "true": len(true),
        "hit": len(hit & true),
        "recall": len(hit & true) / len(true) if true else None,
        "precision": len(hit & true) / len(hit) if hit else None,
        "found_at_share_of_run": round(float(np.median(early)), 2) if early else None,
        "delay_evaluations": round(float(np.mean(delays)), 2) if delays else None,
        "missed": sorted(true - hit),
        "false": sorted(hit - true),
    }


def summary(replays: Sequence[Replay]) -> dict[str, Any]:
    """Everything that is printed of one subset."""
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
        "called_healthy_though_rising": sorted(
            r.name
            for r in replays
            if r.final == VerdictKind.HEALTHY.value and (r.label.get("rise") or 0) > 0.05
        ),
        "verdict_changes_per_run": sum(r.changes for r in replays) / max(1, len(replays)),
        "without_hysteresis": sum(r.raw_changes for r in replays) / max(1, len(replays)),
    }


def report(title: str, told: Mapping[str, Any], *, whole: bool) -> Iterator[str]:
    """The lines printed for one subset; of the smaller ones only the first table's row."""
    row = told["overfit, unambiguous, enough evaluations"]
    yield f"{title:<24}{told['logs']:>5}{figures(row)}{percent(told['healthy_without_alarm']):>9}" + (
        f"{told['verdict_changes_per_run']:>9.2f}  {' '.join(row['missed'])} | {' '.join(row['false'])}"
    )
    if not whole:
        return
    for part in ("labels, unambiguous", "labels, all"):
        yield f"  {part}"
        for name, row in told[part].items():
            yield f"    {name:<25}{figures(row)}  {' '.join(row['missed'])} | {' '.join(row['false'])}"
    for name, ids in told["healthy_alarmed"].items():
        yield f"  healthy but alarmed {name}: {' '.join(ids)}"
    yield f"  changes of verdict a run without hysteresis: {told['without_hysteresis']:.2f}"
    rising = " ".join(told["called_healthy_though_rising"])
    yield f"  called healthy though the held-out loss ends over 5 % up: {rising or 'none'}"


def figures(row: Mapping[str, Any]) -> str:
    recall, precision = (f"{row[k]:.2f}" if row[k] is not None else "-" for k in ("recall", "precision"))
    delay = row["delay_evaluations"]
    return f"{row['true']:>5}{row['hit']:>5}{recall:>8}{precision:>10}{'-' if delay is None else delay:>7}"


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    parser.add_argument(
        "--new-from", default="301", help="the first log the rules were not tuned on (default 301)"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    told = {title: summary(part) for title, part in subsets(run(arguments.folders), arguments.new_from)}
    if arguments.json:
        print(json.dumps(told, indent=1))
        return 0
    heads = "".join(
        f"{head:>{width}}" for head, width in (("true", 5), ("hit", 5), ("recall", 8), ("precision", 10))
    )
    print(
        f"{'overfit, enough evals':<24}{'logs':>5}{heads}{'delay':>7}{'healthy':>9}{'changes':>9}  missed | false"
    )
    for title, part in told.items():
        print("\n".join(report(title, part, whole=title == "all")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
