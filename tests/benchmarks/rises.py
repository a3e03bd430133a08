"""`python -m tests.benchmarks.rises DIR…`: four ways to tell a rise of the held-out loss from noise, compared.

Labelled logs (tests/benchmarks/curves.py) are replayed evaluation by evaluation. The threshold of each way is chosen on
four fifths of the repositories and on synthetic healthy runs (most overfits found with at most 1.5 and 2.5 % false
alarms) and judged on the last fifth, five times; then, at the median threshold, on synthetic runs drawn anew, whose
moment of turning is known. Only the evaluations are looked at here, not what training rows tell.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from runner.insight.curves import EvalPoint
from runner.insight.diagnosis.held_out_trend import LEAST_RISE, rise
from tests.benchmarks.rise_candidates import by_rules, slope_t, turning_ratio
from tests.benchmarks.synthetic import CHUNK, draw
from tests.benchmarks.synthetic_shapes import KINDS

FOLDS = 5
FALSE_ALARMS, SYNTHETIC_FALSE_ALARMS = 0.015, 0.025
FEWEST = 3


@dataclass(frozen=True)
class Series:
    """The evaluation losses of one run; `turn` is the index from which a warning is right, None for none at all."""

    losses: tuple[float, ...]
    turn: int | None
    fold: int
    kind: str = ""


def in_use(losses: Sequence[float]) -> float:
    """Log odds, averaged over the scatter (runner/insight/diagnosis/held_out_trend.py)."""
    found = rise([EvalPoint(i, loss) for i, loss in enumerate(losses)])
    return -math.inf if found is None or min(found.level, found.relative) <= LEAST_RISE else found.evidence


def beyond(score: Callable[[Sequence[float]], float]) -> Callable[[Sequence[float]], float]:
    """The score of losses whose last lies over 2 % above the best."""
    return lambda losses: score(losses) if losses[-1] > (1 + LEAST_RISE) * min(losses) else -math.inf


WAYS: dict[str, tuple[Callable[[Sequence[float]], float], tuple[float, ...]]] = {
    "five rules of thumb": (lambda losses: float(by_rules(losses)), (0.5,)),
    "trimmed slope, t": (beyond(slope_t), (1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 8, 12)),
    "turning against falling, one scatter": (beyond(turning_ratio), (2, 3, 4, 6, 9, 12, 16, 24, 36)),
    "turning against falling, all scatters": (in_use, (-1.4, -1.2, -1.0, -0.8, -0.6, -0.4, 0, 0.5, 1, 2)),
}


def labelled(folder: Path) -> Iterator[Series]:
    """Unambiguous logs with three evaluations and more, but for those that blew up."""
    for name, label in sorted(json.loads((folder / "labels.json").read_text()).items()):
        if label["borderline"] or "diverged" in label["labels"]:
            continue
        record = json.loads((folder / f"{name}.json").read_text())
        points = {int(p[0]): float(p[2]) for p in record["eval"] if p[2] is not None}
        points = {step: loss for step, loss in points.items() if math.isfinite(loss) and loss > 0}
        steps = sorted(points)
        if len(steps) < FEWEST:
            continue
        first = label.get("first_eval_3pct_over_min") if "overfit" in label["labels"] else None
        turn = None if first is None else sum(step < first for step in steps)
        fold = zlib.crc32(str(record["source"]).split(":")[0].encode()) % FOLDS
        yield Series(tuple(points[step] for step in steps), turn, fold)


def synthetic(runs: int, seed: int) -> Iterator[Series]:
    """Healthy runs and overfits whose turn is known."""
    for number, kind in enumerate(KINDS[:8]):
        for chunk in range(runs // CHUNK):
            for run in draw(number, chunk, seed):
                turn = run.onset if kind.expected else None
                yield Series(tuple(point.loss for point in run.curves.val), turn, 0, kind.name)


@dataclass(frozen=True)
class Scored:
    """The score after each evaluation."""

    series: Series
    scores: tuple[float, ...]

    def first(self, threshold: float) -> int | None:
        """The evaluation at which it says that the loss rises."""
        return next((i for i, score in enumerate(self.scores) if score > threshold), None)

    def is_false(self, threshold: float) -> bool:
        return self.series.turn is None and self.first(threshold) is not None

    def delay(self, threshold: float) -> int | None:
        """Evaluations from the turn to the first word at or after it."""
        turn = self.series.turn
        if turn is None:
            return None
        late = next((i for i, s in enumerate(self.scores) if i >= turn and s > threshold), None)
        return None if late is None else late - turn


def scored(way: Callable[[Sequence[float]], float], series: Sequence[Series]) -> list[Scored]:
    return [
        Scored(
            one,
            tuple(way(one.losses[: k + 1]) if k >= FEWEST - 1 else -math.inf for k in range(len(one.losses))),
        )
        for one in series
    ]


def figures(part: Sequence[Scored], threshold: float) -> tuple[float, float, float]:
    """(share of overfits found, share of false alarms, mean delay)."""
    turned = [one for one in part if one.series.turn is not None]
    calm = [one for one in part if one.series.turn is None]
    delays = [found for one in turned if (found := one.delay(threshold)) is not None]
    return (
        len(delays) / max(1, len(turned)),
        sum(one.is_false(threshold) for one in calm) / max(1, len(calm)),
        mean(delays) if delays else math.nan,
    )


def best_threshold(part: Sequence[Scored], made: Sequence[Scored], thresholds: Sequence[float]) -> float:
    """Most found among those with few false alarms; of equals the least."""
    calm = [t for t in thresholds if figures(made, t)[1] <= SYNTHETIC_FALSE_ALARMS]
    kept = [t for t in calm if figures(part, t)[1] <= FALSE_ALARMS] or [thresholds[-1]]
    return max(kept, key=lambda t: (figures(part, t)[0], -t))


def table(real: Sequence[Series], runs: int) -> Iterator[str]:
    made, fresh = list(synthetic(runs, seed=3)), list(synthetic(runs, seed=11))
    yield f"{'':40}{'held-back fifths of repositories':>34}   {'synthetic':>28}"
    yield f"{'way':40}{'found':>10}{'false':>8}{'delay':>8}{'at':>8}   {'found':>10}{'false':>9}{'delay':>9}"
    for name, (way, thresholds) in WAYS.items():
        all_scored, all_made = scored(way, real), scored(way, made)
        chosen, found, false, delays, turned, calm = [], 0, 0, [], 0, 0
        for fold in range(FOLDS):
            train = [one for one in all_scored if one.series.fold != fold]
            test = [one for one in all_scored if one.series.fold == fold]
            threshold = best_threshold(train, all_made, thresholds)
            chosen.append(threshold)
            for one in test:
                turned += one.series.turn is not None
                calm += one.series.turn is None
                false += one.is_false(threshold)
                if (delay := one.delay(threshold)) is not None:
                    found += 1
                    delays.append(delay)
        at = median(chosen)
        other = figures(scored(way, fresh), at)
        yield (
            f"{name:40}{f'{found}/{turned}':>10}{f'{false}/{calm}':>8}{mean(delays):>8.2f}{at:>8.1f}   "
            f"{100 * other[0]:>8.1f} %{100 * other[1]:>7.1f} %{other[2]:>9.2f}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    parser.add_argument("--runs", type=int, default=200, help="synthetic runs of each class (default 200)")
    asked = parser.parse_args()
    real = [one for folder in asked.folders for one in labelled(folder)]
    for line in table(real, asked.runs):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
