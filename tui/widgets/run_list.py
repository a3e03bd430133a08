"""The list of runs."""

from __future__ import annotations

from rich.text import Text
from textual.binding import Binding
from textual.reactive import reactive
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from runner.run.events import Phase
from tui.colours import BAD, GOOD, LIVE, NOTE
from tui.glyphs import glyphs
from tui.state import RunRow
from tui.widgets.sparkline import sparkline

SPARK_WIDTH = 6
NARROW = 28
WARNING = 2


class RunList(OptionList):
    """Runs, newest first. The highlighted one is kept by its id while the list changes around it."""

    BINDINGS = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
    ]
    BORDER_TITLE = "Runs"

    rows: reactive[tuple[RunRow, ...]] = reactive(())

    def watch_rows(self, old: tuple[RunRow, ...], new: tuple[RunRow, ...]) -> None:
        if [row.id for row in old] == [row.id for row in new]:
            for before, after in zip(old, new, strict=True):
                if before != after:
                    self.replace_option_prompt(after.id, self._prompt(after))
            return
        kept = self.highlighted_id
        self.clear_options()
        self.add_options(Option(self._prompt(row), id=row.id) for row in new)
        self.select_run(kept or (new[0].id if new else None))

    @property
    def highlighted_id(self) -> str | None:
        """The id of the highlighted run."""
        if self.highlighted is None or self.highlighted >= self.option_count:
            return None
        return self.get_option_at_index(self.highlighted).id

    def select_run(self, run_id: str | None) -> bool:
        """Highlight a run; False when it is not in the list."""
        for index, row in enumerate(self.rows):
            if row.id == run_id:
                self.highlighted = index
                return True
        return False

    def on_resize(self) -> None:
        for row in self.rows:
            if row.id in self._id_to_option:
                self.replace_option_prompt(row.id, self._prompt(row))

    def _prompt(self, row: RunRow) -> Text:
        return run_line(row, max(16, self.scrollable_content_region.width - 2))


def run_line(row: RunRow, width: int) -> Text:
    """'● qwen3-0.6b-chat    34 % ▂▃▁▁' in exactly one line of `width` cells."""
    mark, style = phase_mark(row.phase)
    right = _standing(row, style, width)
    right.truncate(max(6, width - 12), overflow=glyphs().overflow)
    left = Text().append(f"{mark} ", style).append(row.name)
    left.truncate(max(6, width - right.cell_len - 1), overflow=glyphs().overflow)
    return left.append(" " * max(1, width - left.cell_len - right.cell_len)).append_text(right)


def _standing(row: RunRow, style: str, width: int) -> Text:
    """Progress and shape of a living run; loss and verdict of a finished one, as a sign where there is little room."""
    text = Text()
    if not row.phase.is_over:
        if row.progress is None:
            return text.append(row.phase.value, "dim")
        text.append(f"{100 * row.progress:3.0f} % ")
        return text if width < NARROW else text.append(sparkline(row.losses, SPARK_WIDTH), LIVE)
    if row.phase is not Phase.FINISHED and row.verdict not in ("overfitting", "non-finite"):
        return text.append(row.phase.value, style)
    if row.best_loss is not None:
        text.append(f"{row.best_loss:.3g} ")
    if row.severity >= WARNING:
        return text.append(glyphs().up if width < NARROW else row.verdict, NOTE)
    return text if width < NARROW else text.append(row.verdict or "finished", "dim")


def phase_mark(phase: Phase) -> tuple[str, str]:
    """The sign and style of a phase."""
    marks = glyphs()
    return {
        Phase.FINISHED: (marks.finished, GOOD),
        Phase.STOPPED: (marks.stopped, NOTE),
        Phase.FAILED: (marks.failed, BAD),
        Phase.LOST: (marks.failed, BAD),
        Phase.STARTING: (marks.queued, LIVE),
    }.get(phase, (marks.running, LIVE))
