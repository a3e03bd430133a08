"""The live run: where it is, its curves, its figures, the verdict, the end of its log."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.reactive import var

from runner.insight import answers
from runner.insight.curves import best_of, held_out
from runner.insight.figures import loss, number
from runner.insight.standing import course
from runner.insight.task import main_curve
from runner.store.events import Phase
from tui.charts.legend import short
from tui.colours import FAINT, GOOD, LIVE, NOTE, PROBE, SETS
from tui.glyphs import glyphs, plain
from tui.models.run_view import RunView, age, text
from tui.widgets.lines import Drawing
from tui.widgets.log_tail import LogTail
from tui.widgets.loss_chart import LossChart
from tui.widgets.marks import phase_mark
from tui.widgets.metrics import Metrics
from tui.widgets.sparkline import bar
from tui.widgets.verdict_box import VerdictBox

GAP = 3
MOST_LINES = 3


class RunHeader(Drawing):
    """Progress, losses, batch."""

    view: var[RunView | None] = var(None)

    def watch_view(self) -> None:
        self.draw()

    def lines(self, width: int, height: int) -> Sequence[Text]:
        return header(self.view, width) if self.view is not None and width else []


class RunPanel(Vertical):
    """One run. `view` is the newest known of it; every part draws from it."""

    view: var[RunView | None] = var(None)

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._titled = ""

    def compose(self) -> ComposeResult:
        yield RunHeader(id="header")
        yield LossChart(id="chart")
        yield Metrics(id="metrics")
        yield VerdictBox(id="verdict")
        yield LogTail(id="log")

    def watch_view(self, view: RunView | None) -> None:
        words = title(view) if view is not None else Text("Run")
        # Setting it repaints the whole panel.
        if words.markup != self._titled:
            self._titled = words.markup
            self.border_title = words
        self.query_one(RunHeader).view = view
        self.query_one(LossChart).view = view
        self.query_one(Metrics).view = view
        self.query_one(VerdictBox).view = view
        self.query_one(LogTail).view = view


def title(view: RunView) -> Text:
    """'● qwen3-0.6b-chat · training'."""
    mark, style = phase_mark(view.phase)
    parts = [view.name, view.kind or view.phase.value]
    return Text().append(f"{mark} ", style).append(plain(f" {glyphs().dot} ".join(parts)))


def header(view: RunView, width: int) -> list[Text]:
    """Progress bar with step and time left, losses, and the effective batch spelled out."""
    if view.reason and (view.phase.is_over or view.phase is Phase.QUEUED):
        return _ending(view, width)
    lines = [progress(view, width), *standing_lines(view, width), fitting(batch(view), width)]
    if view.warnings and not view.phase.is_over:
        newest = Text(plain(f"{glyphs().up} {view.warnings[-1]}"), NOTE)
        newest.truncate(width, overflow=glyphs().overflow)
        lines.append(newest)
    return lines


def standing_lines(view: RunView, width: int) -> list[Text]:
    """What `losses` says in one line; of several held-out sets, in as many lines as they need, at most three."""
    parts = losses(view)
    if len(held_out(view.curves.evals)) < 2:
        return [fitting(parts, width)]
    lines: list[Text] = []
    while parts and len(lines) < MOST_LINES:
        lines.append(fitting(parts, width))
        shown = next(n for n in range(1, len(parts) + 1) if n == len(parts) or _wider(parts[: n + 1], width))
        parts = parts[shown:]
    if parts:
        lines[-1].append(f"   +{len(parts)} more", "dim")
        lines[-1].truncate(width, overflow=glyphs().overflow)
    return lines


def _wider(parts: list[Text], width: int) -> bool:
    return sum(part.cell_len for part in parts) + GAP * (len(parts) - 1) > width


def progress(view: RunView, width: int) -> Text:
    """'step 412/1200 · 34 % · 12 min left ━━━━━━━────────'."""
    parts = [f"step {view.step}/{view.total_steps}" if view.total_steps else f"step {view.step}"]
    share = view.step / view.total_steps if view.total_steps else 0.0
    if view.total_steps:
        parts.append(f"{100 * share:.0f} %")
    if view.eta_seconds is not None:
        parts.append(f"{age(view.eta_seconds)} left")
    words = plain(f" {glyphs().dot} ".join(parts))
    full, empty = bar(share, max(4, width - len(words) - 1))
    return Text().append(f"{words} ").append(full, LIVE).append(empty, FAINT)


def _ending(view: RunView, width: int) -> list[Text]:
    mark, style = phase_mark(view.phase)
    lines = [Text().append(f"{mark} {view.phase.value}: ", f"bold {style}").append(plain(view.reason))]
    lines += [Text(f"  {plain(words)}", "dim") for words in (view.hint, view.way_on) if words]
    wrapped = [part for line in lines for part in line.wrap(_console(), width)]
    done = [Text(f"step {view.step}/{view.total_steps}", "dim")] if view.total_steps else []
    return [*wrapped, *([fitting([*done, *losses(view)], width)] if len(view.curves.train) else [])]


def _console() -> Console:
    return Console(width=200)


def fitting(parts: list[Text], width: int) -> Text:
    """The first parts that fit beside each other; the rest is left out rather than wrapped."""
    text = Text()
    for part in parts:
        gap = " " * GAP if text.plain else ""
        if text.cell_len + len(gap) + part.cell_len <= width or not text.plain:
            text.append(gap).append_text(part)
    return text


def losses(view: RunView) -> list[Text]:
    """'train 1.214', 'held-out 1.402 (best 1.311 @300)', 'answers 15/16', 'training rows 1.193'; of a run that is
    judged by a reward, that first.
    """
    parts = judged_by(view)
    if len(view.curves.train):
        style = "dim" if parts else f"bold {LIVE}"
        parts.append(figure("loss" if parts else "train", loss(view.curves.train.loss[-1]), style))
    sets = held_out(view.curves.evals)
    for place, (name, points) in enumerate(sets.items()):
        style = NOTE if not place else SETS[place - 1] if place <= len(SETS) else ""
        part = figure("held-out" if len(sets) == 1 else short(name), loss(points[-1].loss), f"bold {style}")
        if (best := best_of(points)) is not None:
            part.append(f" (best {loss(best.loss)} @{best.step})", "dim")
        parts.append(part)
    if answered := answers.short(view.curves.last_answers):
        parts.append(figure("answers", answered, f"bold {GOOD}"))
    if view.curves.probe:
        parts.append(figure("training rows", loss(view.curves.probe[-1].loss), PROBE))
    return parts or [Text("no steps yet: loading the model and the data takes a moment", "dim")]


def judged_by(view: RunView) -> list[Text]:
    """'reward 0.12 → 0.84 (best 0.91 @320)'; nothing for runs that are judged by their loss."""
    name = main_curve(view.curves)
    if name is None or not (words := course(view.curves.metrics[name])):
        return []
    part = figure(plain(name), plain(words), f"bold {LIVE}")
    if (best := view.curves.metrics[name].highest) is not None:
        part.append(f" (best {number(best[1])} @{best[0]})", "dim")
    return [part]


def batch(view: RunView) -> list[Text]:
    """'effective batch 4 × 4 × 1 = 16', 'epoch 1.37', 'QLoRA on RTX 4090'."""
    parts = []
    if view.batch is not None:
        parts.append(figure("effective batch", plain(view.batch.spelled_out), ""))
    if len(view.curves.train):
        parts.append(figure("epoch", f"{view.curves.train.epoch[-1]:.2f}", ""))
    if device := text(view.plan.get("device")):
        parts.append(Text(plain(f"{text(view.plan.get('method'))} on {device}"), "dim"))
    return parts


def figure(label: str, value: str, style: str) -> Text:
    """A quiet label and its value."""
    return Text().append(f"{label} ", "dim").append(value, style)
