"""What was found in a run, with the numbers it rests on, the rows behind it, and the preset that would mend it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.reactive import var
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from runner.insight import standing
from runner.insight.curves import Curves, best_of, main_set
from runner.insight.diagnosis import Finding, Severity, labels
from runner.insight.figures import number
from runner.store.directory import RunDirectory
from tui.charts.evidence import small_chart
from tui.colours import BAD, GOOD, NOTE, QUIET
from tui.glyphs import glyphs, plain
from tui.messages import RowsFound
from tui.models.run_view import RunView
from tui.screens.live import LiveScreen
from tui.screens.meaning import meaning
from tui.screens.next_preset import edit_next
from tui.services import runs_read
from tui.widgets.options import Options

STYLES = {Severity.INFO: QUIET, Severity.WARNING: NOTE, Severity.CRITICAL: BAD, Severity.ERROR: BAD}
MOST_ROWS_SHOWN = 64
WIDEST_CHART = 100
# Of many evaluations the first, which is the one the others are held against, and the newest ones.
MOST_EVALUATIONS = 12
GAP = 3

RowTexts = Mapping[tuple[int, int], str]


class EvidenceScreen(LiveScreen):
    """Findings at the left, the chosen one's evidence at the right."""

    CSS_PATH = "evidence.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]
    BINDINGS = [
        Binding("f", "fix", "Make that preset", tooltip="The next preset, with what this finding changes"),
        Binding("w", "rows", "Rows", tooltip="Show the data rows of these steps"),
        Binding("x", "skip", "Skip rows", tooltip="The next preset, without the data rows of these steps"),
        Binding(
            "e", "explain", "Explain", tooltip="What this finding means and how it is computed, and back"
        ),
        Binding("j,down", "move(1)", "Down", show=False, priority=True),
        Binding("k,up", "move(-1)", "Up", show=False, priority=True),
        Binding("pagedown", "read(1)", "Read on", show=False, priority=True, tooltip="More of the evidence"),
        Binding("pageup", "read(-1)", "Read back", show=False, priority=True, tooltip="Back in the evidence"),
        Binding("escape,v", "dismiss", "Back", tooltip="Back to the run"),
        Binding("question_mark", "app.help", "Help", tooltip="Every key"),
    ]

    rows: var[Mapping[int, list[tuple[int, int]]]] = var(dict)
    texts: var[RowTexts] = var(dict)
    explained: var[bool] = var(False)

    def __init__(self, view: RunView) -> None:
        super().__init__()
        self.set_reactive(EvidenceScreen.view, view)

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        with Horizontal(id="body"):
            yield Options(id="list")
            with VerticalScroll(id="detail-box", can_focus=False):
                yield Static(id="detail")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one("#list").border_title = "Findings"
        self.query_one("#detail-box").border_title = "Evidence"
        self.query_one("#list").focus()
        self.watch_view(None, self.view)

    @property
    def finding(self) -> Finding | None:
        """The chosen one."""
        at = self.query_one("#list", OptionList).highlighted
        found = self.view.verdict.findings if self.view is not None else ()
        return found[at] if at is not None and at < len(found) else None

    def watch_view(self, old: RunView | None, view: RunView | None) -> None:
        if view is None or not self.query("#detail"):
            return
        found = view.verdict.findings
        self.query_one("#head", Static).update(
            Text(plain(f"{view.name} {glyphs().dot} {view.verdict.headline}"), "bold")
        )
        if old is None or [_line(f) for f in old.verdict.findings] != [_line(f) for f in found] or not old.id:
            choices = self.query_one("#list", OptionList)
            at = choices.highlighted or 0
            before = old.verdict.findings if old is not None else ()
            ids = [finding.id for finding in found]
            # A graver one may have come in above it.
            if at < len(before) and before[at].id in ids:
                at = ids.index(before[at].id)
            choices.clear_options()
            choices.add_options(Option(_line(finding)) for finding in found)
            choices.highlighted = min(at, len(found) - 1) if found else None
        self._show()

    def _find_rows(self, view: RunView, steps: tuple[int, ...], with_text: bool) -> None:
        runs_read.rows(self.post_message, RunDirectory(Path(view.path)), steps, with_text)

    def on_rows_found(self, message: RowsFound) -> None:
        self.rows = {**self.rows, **message.rows}
        if message.texts:
            self.texts = message.texts

    def watch_rows(self) -> None:
        self._show()

    def watch_texts(self) -> None:
        self._show()

    def watch_explained(self) -> None:
        if self.query("#detail-box"):
            self.query_one("#detail-box").border_title = "What it means" if self.explained else "Evidence"
            self.query_one("#detail-box").scroll_home(animate=False)
        self._show()

    @on(OptionList.OptionHighlighted)
    def _chosen(self) -> None:
        finding = self.finding
        if finding is not None and finding.steps and self.view is not None and not self.view.is_foreign:
            self._find_rows(self.view, finding.steps, with_text=False)
        self._show()

    def _show(self) -> None:
        if self.query("#detail"):
            finding = self.finding
            nothing = Text("Nothing was found in this run so far.", "dim")
            show = meaning if self.explained else self._detail
            self.query_one("#detail", Static).update(show(finding) if finding else nothing)

    def _detail(self, finding: Finding) -> RenderableType:
        parts: list[RenderableType] = [Text(plain(finding.sentence)), Text("")]
        numbers = _numbers(finding)
        parts += [_Beside(numbers, _evaluations(finding)) if finding.evals else numbers, Text("")]
        if self.view is not None:
            parts.append(_Picture(self.view.curves, finding))
        if self.view is not None and (measured := _measured(self.view.curves, finding)):
            parts += [*measured, Text("")]
        if finding.steps:
            parts += [self._rows(finding), Text("")]
        parts += [_action(action.text, bool(action.changes)) for action in finding.actions]
        return Group(*parts, Text(plain(f"What it means, in full: ftui explain {finding.id}"), "dim"))

    def _rows(self, finding: Finding) -> RenderableType:
        if self.view is not None and self.view.is_foreign:
            return Text("Which rows these steps saw was not recorded.", "dim")
        lines = []
        for step in finding.steps:
            names = self.rows.get(step)
            words = ", ".join(row_name(name) for name in names[:MOST_ROWS_SHOWN]) if names else "not recorded"
            more = (
                f" and {len(names) - MOST_ROWS_SHOWN} more" if names and len(names) > MOST_ROWS_SHOWN else ""
            )
            lines.append(Text(f"step {step}: rows {words}{more}" if names else f"step {step}: rows {words}"))
        seen = {name for step in finding.steps for name in self.rows.get(step, [])}
        for name, text in self.texts.items():
            if name not in seen:
                continue
            lines += [Text(""), Text(f"row {row_name(name)}", "bold"), Text(plain(text))]
        return Group(*lines)

    def action_move(self, by: int) -> None:
        choices = self.query_one("#list", OptionList)
        if choices.option_count:
            choices.highlighted = max(0, min(choices.option_count - 1, (choices.highlighted or 0) + by))

    def action_read(self, by: int) -> None:
        box = self.query_one("#detail-box")
        box.scroll_relative(y=by * max(1, box.size.height - 1), animate=False)

    def action_explain(self) -> None:
        self.explained = not self.explained

    def action_fix(self) -> None:
        finding = self.finding
        if self.view is None or finding is None:
            return
        if self.view.is_foreign:
            self.notify("Only a run of ftui has a preset to change.", severity="warning")
        elif not finding.changes:
            self.notify("No setting mends this one.", severity="warning")
        else:
            edit_next(self.app, self.view, finding.changes, finding.reason)

    def action_rows(self) -> None:
        if self.view is not None and self.finding is not None and self.finding.steps:
            self._find_rows(self.view, self.finding.steps, with_text=True)
        else:
            self.notify("This finding points at no step.", severity="warning")

    def action_skip(self) -> None:
        finding = self.finding
        names = {name for step in finding.steps for name in self.rows.get(step, [])} if finding else set()
        own = tuple(sorted(row for source, row in names if source == 0))
        if self.view is None or finding is None or not own:
            self.notify("No rows of its own data are known for this finding.", severity="warning")
            return
        why = f"{finding.name} at step {finding.since_step}, its rows left out"
        edit_next(self.app, self.view, (), why, own)


def row_name(name: tuple[int, int]) -> str:
    """'17' for a row of one's own, 'mix 1: 17' for one of the general data."""
    return str(name[1]) if name[0] == 0 else f"mix {name[0]}: {name[1]}"


def _line(finding: Finding) -> Text:
    text = Text(plain(finding.name), STYLES[finding.severity])
    return text.append(f" @{finding.since_step}", "dim")


def _numbers(finding: Finding) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style=QUIET)
    table.add_column()
    for name, value in labels.numbers(finding):
        table.add_row(plain(name), plain(value))
    return table


def _evaluations(finding: Finding) -> Table:
    table = Table(box=None, padding=(0, 1), header_style=QUIET)
    for name in ("step", "loss", "rows"):
        table.add_column(name, justify="right")
    best = best_of(finding.evals)
    left_out = len(finding.evals) - MOST_EVALUATIONS
    for place, point in enumerate(finding.evals):
        if 0 < place <= left_out:
            continue
        style, sign = (GOOD, f"{glyphs().best_point} ") if point is best else ("", "")
        table.add_row(str(point.step), Text(f"{sign}{figure(point.loss)}", style), str(point.n or ""))
    return table


def _measured(curves: Curves, finding: Finding) -> list[Text]:
    """What else was measured on the rows of its evaluations."""
    if not finding.evals:
        return []
    names = ("", finding.eval_set or main_set(curves.evals))
    found = [(metric, words) for of, metric, words in standing.measures(curves) if of in names]
    return [Text(plain(f"{metric} {words}")) for metric, words in found]


class _Beside:
    """Two tables beside each other where there is room for both, or below each other."""

    def __init__(self, first: Table, second: Table) -> None:
        self._tables = (first, second)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = [Measurement.get(console, options.update(width=1000), one).maximum for one in self._tables]
        if sum(widths) + GAP > options.max_width:
            yield from (self._tables[0], Text(""), self._tables[1])
            return
        both = Table.grid(padding=(0, GAP, 0, 0))
        both.add_row(*self._tables)
        yield both


class _Picture:
    """The finding's chart, as wide as there is room."""

    def __init__(self, curves: Curves, finding: Finding) -> None:
        self._curves, self._finding = curves, finding

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(options.max_width, WIDEST_CHART)
        small = small_chart(self._curves, self._finding, width)
        if small is not None:
            yield from small.lines(width)
            yield Text("")


def _action(words: str, mends: bool) -> Text:
    text = Text(f"{glyphs().arrow} ", "bold").append(plain(words))
    return text.append("   f makes that preset", "dim") if mends else text


def figure(value: float) -> str:
    """A loss, with the screen's sign for what is not a number."""
    return glyphs().not_finite if math.isnan(value) else number(value)
