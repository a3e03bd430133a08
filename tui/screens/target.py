"""Ways to an effective batch: pairs of per-device batch and accumulation, by memory and time."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from runner.check.assess import Assessment
from runner.insight.figures import gib
from runner.insight.proposals import Proposal
from tui.colours import BAD, GOOD, QUIET
from tui.glyphs import plain
from tui.screens.dialog import Dialog
from tui.widgets.options import Options

MOST_ROWS = 4096


class TargetDialog(Dialog[tuple[int, int] | None]):
    """Type an effective batch, pick a pair. Answers with (per-device batch, accumulation), None for cancel."""

    heading = "Effective batch"
    BINDINGS = [
        Binding("escape", "dismiss", "Cancel", show=False),
        Binding("down", "move(1)", "Down", show=False, priority=True),
        Binding("up", "move(-1)", "Up", show=False, priority=True),
    ]

    def __init__(self, assessment: Assessment) -> None:
        super().__init__()
        self._assessment = assessment
        self._found: tuple[Proposal, ...] = ()

    def content(self) -> RenderableType:
        return Text(
            "Rows per optimizer step. Accumulation costs no memory; a longer pass wastes less time.", QUIET
        )

    def extra(self) -> ComposeResult:
        train = self._assessment.preset.train
        now = train.per_device_train_batch_size * train.gradient_accumulation_steps
        yield Input(str(now), type="integer", max_length=4, id="target")
        yield Options(id="pairs")

    def keys(self) -> Text:
        return Text(" enter ", "reverse").append(" use it    ").append(" esc ", "reverse").append(" cancel")

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self._propose(self.query_one(Input).value)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._propose(event.value)

    def _propose(self, text: str) -> None:
        pairs = self.query_one(OptionList)
        pairs.clear_options()
        target = int(text) if text.isdigit() else 0
        self._found = self._assessment.proposals(target) if 1 <= target <= MOST_ROWS else ()
        pairs.add_options(Option(prompt(one), id=str(place)) for place, one in enumerate(self._found))
        if self._found:
            pairs.highlighted = 0

    def action_move(self, by: int) -> None:
        pairs = self.query_one(OptionList)
        if self._found:
            pairs.highlighted = ((pairs.highlighted or 0) + by) % len(self._found)

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def _answer(self) -> None:
        place = self.query_one(OptionList).highlighted
        if place is not None and place < len(self._found):
            self.dismiss((self._found[place].per_device, self._found[place].accumulation))


def prompt(one: Proposal) -> Text:
    """'8 × 4 = 32   15.6 GiB fits   time ×1.00'."""
    text = Text(plain(f"{one.per_device:>4} × {one.accumulation:<4} = {one.effective:<5}"), "bold")
    if one.need_mib is not None:
        style, words = (GOOD, "fits") if one.fits else (BAD, "does not fit")
        text.append(plain(f" {gib(one.need_mib):>5} GiB {words:<13}"), style)
    return text.append(plain(f" time ×{one.relative_time:.2f}"), QUIET)
