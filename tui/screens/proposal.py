"""From one's own rows to a run: what is proposed for a file, and what is to be done with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Static

from tui.colours import BAD, NOTE, QUIET
from tui.glyphs import plain
from tui.messages import ProposalFailed, RunProposed
from tui.screens.dialog import Dialog
from tui.screens.questions import PickDialog
from tui.services import proposals
from tui.widgets.early_keys import EarlyKeys

if TYPE_CHECKING:
    from runner.commands.first_run import FirstRun
    from tui.screens.new_preset import OwnRun

# The label before each line of a proposal.
LABEL = 8


@dataclass(frozen=True)
class Wish:
    """What is to be done with a proposal: launch it, or edit it first."""

    first: FirstRun
    launches: bool


@dataclass(frozen=True)
class Failed:
    """Nothing can be proposed for the file, in two lines."""

    text: str


class ProposalDialog(Dialog[Wish | Failed | None]):
    """Has a file looked at and shows what is proposed. Keys that come meanwhile are pressed once it is there."""

    BINDINGS = [
        Binding("enter", "launch", "save it as a preset, and launch"),
        Binding("e", "edit", "edit it"),
        Binding("x", "leave_out", "leave out bad rows"),
        Binding("m", "model", "another model"),
    ]

    def __init__(self, run: OwnRun, data: Path) -> None:
        super().__init__()
        self.heading = f"Train on {data.name}"
        self._run, self._data = run, data
        self._model: str | None = None
        self._skips = False
        self._first: FirstRun | None = None
        self._models: tuple[tuple[str, str], ...] = ()
        self._problem = ""
        self._is_looking = True
        self._early = EarlyKeys()

    def extra(self) -> ComposeResult:
        yield Static(id="note")

    def on_mount(self) -> None:
        self._run.expect_launch()
        self._look()

    def _look(self) -> None:
        self._is_looking = True
        self._draw()
        run = self._run
        proposals.propose(self.post_message, run.home, run.where, self._data, self._model, self._skips)

    def on_key(self, event: events.Key) -> None:
        """While the file is looked at: what a key means is known when its proposal is there."""
        if self._is_looking and event.key != "escape":
            self._early.hold(event)

    def on_run_proposed(self, message: RunProposed) -> None:
        self._first, self._models, self._problem = message.first, message.models, ""
        self._looked()

    def on_proposal_failed(self, message: ProposalFailed) -> None:
        if self._first is None:
            self.dismiss(Failed(message.text))
            return
        # What was proposed before still can be had.
        self._model, self._skips, self._problem = None, False, message.text
        self._looked()

    def _looked(self) -> None:
        self._is_looking = False
        self._draw()
        self._early.press(self.app)

    # What is shown

    def content(self) -> RenderableType:
        if self._first is None:
            return Text(plain(f"looking at {self._data.name} …"), QUIET)
        table = Table.grid(padding=(0, 1))
        table.add_column(style="dim", no_wrap=True, width=LABEL)
        table.add_column(overflow="fold")
        for line in self._first.lines:
            table.add_row(line[:LABEL].strip(), Text(plain(line[LABEL:])))
        return Group(table)

    def keys(self) -> Text:
        text = Text()
        for binding in self.BINDINGS:
            if not isinstance(binding, Binding):
                continue
            if self._first is not None and self.check_action(binding.action, ()):
                text.append(f" {binding.key} ", "reverse").append(f" {binding.description}")
                text.append("\n" if binding.key == "enter" else "   ")
        return text.append(" esc ", "reverse").append(" back")

    def _draw(self) -> None:
        self.query_one("#text", Static).update(self.content())
        note = Text()
        if self._is_looking and self._first is not None:
            note.append(plain(f"looking at {self._data.name} again …"), QUIET)
        elif problem := self._problem or (self._first.obstacle if self._first is not None else ""):
            note.append(plain(problem), BAD)
        elif self._first is not None and self._first.runs_out:
            note.append("It is predicted to run out of memory.", NOTE)
        elif self._skips:
            note.append("Rows that cannot be used are left out.", QUIET)
        self.query_one("#note", Static).update(note)
        self.query_one("#keys", Static).update(self.keys())

    # What can be done

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        first = self._first
        if action == "launch":
            return first is not None and not first.obstacle
        if action == "leave_out":
            return first is not None and first.bad_rows > 0 and not self._skips
        return super().check_action(action, parameters)

    def action_launch(self) -> None:
        if self._first is not None:
            self.dismiss(Wish(self._first, launches=True))

    def action_edit(self) -> None:
        if self._first is not None:
            self.dismiss(Wish(self._first, launches=False))

    def action_leave_out(self) -> None:
        self._skips = True
        self._look()

    def action_model(self) -> None:
        def answered(name: str | None) -> None:
            if name is not None:
                self._model = name
                self._look()

        self.app.push_screen(PickDialog("Model", "The model to train.", self._models), answered)
