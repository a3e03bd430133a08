"""A run as an SVG picture: train loss raw and smoothed, held-out loss, loss on training rows, findings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from runner import plain_text
from runner.insight.curves import Curves, EvalPoint, finite
from runner.insight.diagnosis import Severity, Verdict
from runner.insight.drawn import Drawn, drawn
from runner.insight.reduction import Bucket, even_edges, reduce

WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 52, 40
MOST_EPOCHS = 30
# Of a letter at the size of the key, on average.
WORD_WIDTH = 6.2
LARGE = 1e4
# Readable on white and on dark pages alike.
TRAIN, RAW, VAL, PROBE, BEST, WARN, TEXT, GRID = (
    "#1f77b4",
    "#9ec5e8",
    "#d98a00",
    "#8e5bd0",
    "#2e9e4f",
    "#d64545",
    "#777777",
    "#99999940",
)
# Of further held-out sets.
SETS = ("#c2541d", "#128a8a", "#6b7a1f")
LONGEST_NAME = 16
LOG_FROM_RATIO = 5.0


@dataclass(frozen=True)
class Form:
    """How large the picture is, in how many columns the curve is drawn, what its three series are called ('' is not
    said), and from which severity on findings are marked.
    """

    width: int = WIDTH
    height: int = HEIGHT
    columns: int = 700
    line: str = "train"
    points: str = "held-out"
    hollow: str = "training rows, same weights"
    marked: Severity = Severity.WARNING


@dataclass(frozen=True)
class _Frame:
    """Steps and losses to places in the picture."""

    form: Form
    last: float
    low: float
    high: float
    log: bool

    @property
    def bottom(self) -> int:
        return self.form.height - BOTTOM

    @property
    def right(self) -> int:
        return self.form.width - RIGHT

    def x(self, step: float) -> float:
        return round(LEFT + (self.form.width - LEFT - RIGHT) * step / self.last, 1)

    def y(self, loss: float) -> float:
        value = self._map(loss)
        share = (value - self._map(self.low)) / ((self._map(self.high) - self._map(self.low)) or 1.0)
        return round(self.bottom - (self.bottom - TOP) * max(0.0, min(1.0, share)), 1)

    def _map(self, loss: float) -> float:
        return math.log(max(loss, 1e-9)) if self.log else loss

    def ticks(self) -> list[float]:
        low, high = self._map(self.low), self._map(self.high)
        values = [low + (high - low) * i / 4 for i in range(5)]
        return [math.exp(value) if self.log else value for value in values]


def curve(curves: Curves, verdict: Verdict, title: str, form: Form | None = None) -> str:
    """The picture as text."""
    form, what = form or Form(), drawn(curves)
    last = float(max(curves.step, what.last_step, 1))
    buckets = reduce(what.step, what.value, even_edges(0, last, form.columns))
    frame = _frame(form, what, buckets, last)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {form.width} {form.height}" font-family="sans-serif" '
        f'font-size="12" fill="{TEXT}">',
        f'<text x="{LEFT}" y="18" font-size="14" font-weight="bold">{escape(plain_text.line(title))}</text>',
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
        _key(form, what),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _frame(form: Form, what: Drawn, buckets: Sequence[Bucket], last: float) -> _Frame:
    values = [b.smooth for b in buckets] + [p.loss for of in (*what.sets.values(), what.probe) for p in of]
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    log = not what.name and low > 0 and high / low > LOG_FROM_RATIO
    margin = 0.05 * (high - low) or 0.1
    return _Frame(form, last, low / 1.08 if log else low - margin, high * 1.08 if log else high + margin, log)


def _grid(frame: _Frame, curves: Curves) -> list[str]:
    parts = []
    for value in frame.ticks():
        y = frame.y(value)
        parts.append(f'<line x1="{LEFT}" y1="{y}" x2="{frame.right}" y2="{y}" stroke="{GRID}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{_tick(value)}</text>')
    for i in range(6):
        step = frame.last * i / 5
        parts.append(
            f'<text x="{frame.x(step)}" y="{frame.bottom + 20}" text-anchor="middle">{step:,.0f}</text>'
        )
    parts.append(
        f'<text x="{frame.form.width / 2:g}" y="{frame.form.height - 4}" text-anchor="middle">optimizer step</text>'
    )
    size = curves.steps_per_epoch
    if size and frame.last / size <= MOST_EPOCHS:
        for step in range(size, int(frame.last), size):
            x = frame.x(step)
            parts.append(
                f'<line x1="{x}" y1="{TOP}" x2="{x}" y2="{frame.bottom}" stroke="{TEXT}" '
                'stroke-opacity="0.4" stroke-dasharray="2 4"/>'
            )
    return parts


def _tick(value: float) -> str:
    return f"{value:.1e}" if 0 < abs(value) < 1e-3 else f"{value:.3g}"


def _train(frame: _Frame, buckets: Sequence[Bucket]) -> list[str]:
    raw = "".join(
        f"M{frame.x(b.x)} {frame.y(b.high)}V{max(frame.y(b.low), frame.y(b.high) + 2.5)}"
        for b in buckets
        if math.isfinite(b.low)
    )
    smooth = " ".join(f"{frame.x(b.x)},{frame.y(b.smooth)}" for b in buckets if math.isfinite(b.low))
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
    known = finite(points)
    if not known:
        return []
    line = " ".join(f"{frame.x(p.step)},{frame.y(p.loss)}" for p in known)
    fill = "none" if hollow else colour
    dots = [
        f'<circle cx="{frame.x(p.step)}" cy="{frame.y(p.loss)}" r="3.2" fill="{fill}" stroke="{colour}">'
        f"<title>step {p.step}: {p.loss:.4f}</title></circle>"
        for p in known
    ]
    return [f'<polyline points="{line}" stroke="{colour}" stroke-opacity="0.45" fill="none"/>', *dots]


def _best(frame: _Frame, best: EvalPoint | None) -> list[str]:
    if best is None:
        return []
    x, y = frame.x(best.step), frame.y(best.loss)
    words = f"best {best.loss:.4f}" if abs(best.loss) < LARGE else f"best {best.loss:.3g}"
    room = WORD_WIDTH * len(words) / 2
    at = round(max(LEFT + room, min(frame.right - room, x)), 1)
    below = y + 20 if y + 20 < frame.bottom else y - 12
    return [
        f'<circle cx="{x}" cy="{y}" r="6.5" fill="none" stroke="{BEST}" stroke-width="2.2"/>',
        f'<text x="{at}" y="{below:.1f}" text-anchor="middle" fill="{BEST}">{words}</text>',
    ]


def _findings(frame: _Frame, verdict: Verdict) -> list[str]:
    grave = [finding for finding in verdict.findings if finding.severity >= frame.form.marked]
    return [
        f'<line x1="{frame.x(f.since_step)}" y1="{TOP}" x2="{frame.x(f.since_step)}" y2="{frame.bottom}" '
        f'stroke="{WARN}" stroke-opacity="0.6"><title>{escape(plain_text.line(f.name))}</title></line>'
        for f in grave
    ]


def _key(form: Form, what: Drawn) -> str:
    x, parts = LEFT + 4, []
    names = [form.points] if len(what.sets) < 2 else [name[:LONGEST_NAME] for name in what.sets]
    named = [(TRAIN, what.name[: 2 * LONGEST_NAME] or form.line)]
    if what.sets or not what.name:
        named += [
            *zip((VAL, *SETS), names, strict=False),
            (BEST, "best" if what.best is not None and form.points else ""),
        ]
    if what.probe or (not what.sets and not what.name):
        named.insert(-1, (PROBE, form.hollow))
    for colour, words in named:
        if not words:
            continue
        parts.append(
            f'<circle cx="{x}" cy="30" r="4" fill="{colour}"/>'
            f'<text x="{x + 8}" y="34">{escape(plain_text.line(words))}</text>'
        )
        x += round(24 + WORD_WIDTH * len(words))
    return "".join(parts)
