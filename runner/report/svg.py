"""The loss curve as an SVG picture: train raw and smoothed, evaluations, train-probe, best, epochs, findings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from runner.insight.curves import Curves, EvalPoint
from runner.insight.diagnosis import Severity, Verdict
from runner.insight.drawn import Drawn, drawn
from runner.insight.reduction import Bucket, even_edges, reduce
from runner.run.console import clean

WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 52, 40
COLUMNS = 700
MOST_EPOCHS = 30
# Readable on white and on dark pages alike.
TRAIN, RAW, VAL, PROBE, BEST, WARN, TEXT, GRID = (
    "#1f77b4",
    "#9ec5e8",
    "#d98a00",
    "#8e5bd0",
    "#2e9e4f",
    "#d64545",
    "#666666",
    "#99999940",
)
# Of further held-out sets.
SETS = ("#c2541d", "#128a8a", "#6b7a1f")
LONGEST_NAME = 16
LOG_FROM_RATIO = 5.0


@dataclass(frozen=True)
class _Frame:
    """Steps and losses to places in the picture."""

    last: float
    low: float
    high: float
    log: bool

    def x(self, step: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * step / self.last, 1)

    def y(self, loss: float) -> float:
        value = self._map(loss)
        share = (value - self._map(self.low)) / ((self._map(self.high) - self._map(self.low)) or 1.0)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * max(0.0, min(1.0, share)), 1)

    def _map(self, loss: float) -> float:
        return math.log(max(loss, 1e-9)) if self.log else loss

    def ticks(self) -> list[float]:
        low, high = self._map(self.low), self._map(self.high)
        values = [low + (high - low) * i / 4 for i in range(5)]
        return [math.exp(value) if self.log else value for value in values]


def curve(curves: Curves, verdict: Verdict, title: str) -> str:
    """The picture as text."""
    what = drawn(curves)
    last = float(max(curves.step, what.last_step, 1))
    buckets = reduce(what.step, what.value, even_edges(0, last, COLUMNS))
    frame = _frame(what, buckets, last)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12" fill="{TEXT}">',
        f'<text x="{LEFT}" y="18" font-size="14" font-weight="bold">{escape(title)}</text>',
        *_grid(frame, curves),
        *_train(frame, buckets),
        *_points(frame, what.probe, PROBE, hollow=True),
        *(
            part
            for points, colour in zip(what.others, SETS, strict=False)
            for part in _points(frame, points, colour)
        ),
        *_points(frame, what.main, VAL),
        *_best(frame, what.best),
        *_findings(frame, verdict),
        _key(what),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _frame(what: Drawn, buckets: Sequence[Bucket], last: float) -> _Frame:
    values = [b.smooth for b in buckets] + [p.loss for of in (*what.sets.values(), what.probe) for p in of]
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    log = not what.name and low > 0 and high / low > LOG_FROM_RATIO
    margin = 0.05 * (high - low) or 0.1
    return _Frame(last, low / 1.08 if log else low - margin, high * 1.08 if log else high + margin, log)


def _grid(frame: _Frame, curves: Curves) -> list[str]:
    parts = []
    for value in frame.ticks():
        y = frame.y(value)
        parts.append(f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="{GRID}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{value:.3g}</text>')
    for i in range(6):
        step = frame.last * i / 5
        parts.append(f'<text x="{frame.x(step)}" y="{HEIGHT - 20}" text-anchor="middle">{step:,.0f}</text>')
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 4}" text-anchor="middle">optimizer step</text>')
    size = curves.steps_per_epoch
    if size and frame.last / size <= MOST_EPOCHS:
        for step in range(size, int(frame.last), size):
            x = frame.x(step)
            parts.append(
                f'<line x1="{x}" y1="{TOP}" x2="{x}" y2="{HEIGHT - BOTTOM}" stroke="{TEXT}" '
                'stroke-opacity="0.4" stroke-dasharray="2 4"/>'
            )
    return parts


def _train(frame: _Frame, buckets: Sequence[Bucket]) -> list[str]:
    raw = "".join(
        f"M{frame.x(b.x)} {frame.y(b.high)}V{max(frame.y(b.low), frame.y(b.high) + 2.5)}"
        for b in buckets
        if math.isfinite(b.low)
    )
    smooth = " ".join(f"{frame.x(b.x)},{frame.y(b.smooth)}" for b in buckets if math.isfinite(b.smooth))
    bad = [
        f'<text x="{frame.x(b.x)}" y="{TOP + 10}" fill="{WARN}" text-anchor="middle">×</text>'
        for b in buckets
        if b.bad
    ]
    return [
        f'<path d="{raw}" stroke="{RAW}" stroke-width="2" fill="none"/>',
        f'<polyline points="{smooth}" stroke="{TRAIN}" stroke-width="1.8" fill="none"/>',
        *bad[:200],
    ]


def _points(frame: _Frame, points: Sequence[EvalPoint], colour: str, hollow: bool = False) -> list[str]:
    finite = [point for point in points if math.isfinite(point.loss)]
    if not finite:
        return []
    line = " ".join(f"{frame.x(p.step)},{frame.y(p.loss)}" for p in finite)
    fill = "none" if hollow else colour
    dots = [
        f'<circle cx="{frame.x(p.step)}" cy="{frame.y(p.loss)}" r="3.2" fill="{fill}" stroke="{colour}">'
        f"<title>step {p.step}: {p.loss:.4f}</title></circle>"
        for p in finite
    ]
    return [f'<polyline points="{line}" stroke="{colour}" stroke-opacity="0.45" fill="none"/>', *dots]


def _best(frame: _Frame, best: EvalPoint | None) -> list[str]:
    if best is None:
        return []
    x, y = frame.x(best.step), frame.y(best.loss)
    return [
        f'<circle cx="{x}" cy="{y}" r="6.5" fill="none" stroke="{BEST}" stroke-width="2.2"/>',
        f'<text x="{x}" y="{y + 20}" text-anchor="middle" fill="{BEST}">best {best.loss:.4f}</text>',
    ]


def _findings(frame: _Frame, verdict: Verdict) -> list[str]:
    grave = [finding for finding in verdict.findings if finding.severity >= Severity.WARNING]
    return [
        f'<line x1="{frame.x(f.since_step)}" y1="{TOP}" x2="{frame.x(f.since_step)}" y2="{HEIGHT - BOTTOM}" '
        f'stroke="{WARN}" stroke-opacity="0.6"><title>{escape(f.name)}</title></line>'
        for f in grave
    ]


def _key(what: Drawn) -> str:
    x, parts = LEFT + 4, []
    names = ["eval"] if len(what.sets) < 2 else [name[:LONGEST_NAME] for name in what.sets]
    named = [(TRAIN, what.name[: 2 * LONGEST_NAME] or "train")]
    if what.sets or not what.name:
        named += [*zip((VAL, *SETS), names, strict=False), (BEST, "best")]
    if what.probe or (not what.sets and not what.name):
        named.insert(-1, (PROBE, "train rows, same weights"))
    for colour, words in named:
        parts.append(
            f'<circle cx="{x}" cy="30" r="4" fill="{colour}"/>'
            f'<text x="{x + 8}" y="34">{escape(clean(words))}</text>'
        )
        x += 30 + 7 * len(words)
    return "".join(parts)
