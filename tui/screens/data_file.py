"""From one's own rows to a run: which file?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from runner import places
from runner.insight import figures
from tui.colours import BAD, QUIET
from tui.glyphs import plain
from tui.messages import PathsSeen
from tui.models.run_view import since
from tui.models.typed_path import PathEntry, PathQuestion, Wanted
from tui.screens.dialog import Dialog
from tui.screens.proposal import Failed, ProposalDialog, Wish
from tui.services.paths import PathService
from tui.widgets.options import Options
from tui.widgets.path_input import PathInput

if TYPE_CHECKING:
    from tui.screens.new_preset import OwnRun

MOST_LISTED = 100


class DataFileDialog(Dialog[None]):
    """Type the path of a file of rows, or pick one of those that are here. What to do with it is asked over this."""

    heading = "A run on your own rows"
    BINDINGS = [
        Binding("escape", "dismiss", "Cancel", show=False),
        Binding("down", "move(1)", "Down", show=False, priority=True),
        Binding("up", "move(-1)", "Up", show=False, priority=True),
    ]

    def __init__(self, run: OwnRun) -> None:
        super().__init__()
        self._run = run
        self._paths = PathService(self.post_message, run.where)
        self._entries: tuple[PathEntry, ...] = ()
        self._is_listed = False

    def content(self) -> RenderableType:
        text = Text("JSON, CSV, Parquet, Arrow or text. The newest files in\n", QUIET)
        return text.append(plain(str(self._run.where)))

    def extra(self) -> ComposeResult:
        yield PathInput(placeholder="the first of the list", id="path")
        yield Options(id="files")
        yield Static(id="note")

    def keys(self) -> Text:
        text = Text()
        arrows = plain("↑ ↓").replace("?", "").strip() or "arrows"
        for key, words in (("enter", "look at it"), ("tab", "complete"), (arrows, "pick"), ("esc", "cancel")):
            text.append(f" {key} ", "reverse").append(f" {words}   ")
        return text

    def on_mount(self) -> None:
        self.query_one(PathInput).focus()
        self._paths.start()
        self._ask("")

    def on_unmount(self) -> None:
        self._paths.stop()

    def _ask(self, text: str, completes: bool = False) -> None:
        self._paths.ask(PathQuestion(text, Wanted.FILE, completes))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._say("")
        self._ask(event.value)

    @on(PathInput.Asked)
    def _tab(self, event: PathInput.Asked) -> None:
        self._ask(event.text, completes=True)

    def on_paths_seen(self, message: PathsSeen) -> None:
        path = self.query_one(PathInput)
        text = message.question.text
        is_first, self._is_listed = not self._is_listed, True
        if text == path.value:
            self._list(text, message)
        if message.question.completes:
            path.take(text, message.completed)
        elif is_first:
            path.take(text, text)

    def _list(self, text: str, message: PathsSeen) -> None:
        """Files of rows and folders; others only once they are asked for by tab."""
        shown = message.entries
        if not message.question.completes:
            shown = tuple(one for one in shown if one.is_data or one.is_folder)
        self._entries = shown[:MOST_LISTED]
        files = self.query_one(OptionList)
        files.clear_options()
        files.add_options(Option(prompt(one)) for one in self._entries)
        # What enter takes while nothing is typed.
        files.highlighted = 0 if self._entries and not text else None
        if not text and not any(one.is_data for one in self._entries):
            self._say("There is no file of rows here: type the path of one.", QUIET)

    def action_move(self, by: int) -> None:
        files = self.query_one(OptionList)
        if not self._entries:
            return
        # The first of the list is what enter takes while nothing is typed: down goes on to the next.
        before = files.highlighted if files.highlighted is not None else (-1 if by > 0 else 0)
        place = (before + by) % len(self._entries)
        files.highlighted = place
        self._fill(place)

    def _fill(self, place: int) -> None:
        """Put an entry of the list into the line, the list as it is."""
        path = self.query_one(PathInput)
        with path.prevent(Input.Changed):
            path.value = self._entries[place].text
        path.action_end()
        self._say("")

    @on(OptionList.OptionSelected)
    async def _clicked(self, event: OptionList.OptionSelected) -> None:
        self._fill(event.option_index)
        await self.query_one(PathInput).action_submit()

    @on(Input.Submitted)
    def _take(self) -> None:
        path = self.query_one(PathInput)
        text = path.value.strip() or (self._entries[0].text if self._entries else "")
        if not text:
            if not self._is_listed:
                # It takes the first of the list, which is still to come.
                path.wait(events.Key("enter", None))
            return
        if text.endswith("/"):
            # Into the folder; by a value of its own also where it was put there by an arrow key.
            path.value = text
            path.action_end()
            self._ask(text)
            return
        data = self._run.where / places.expanded(text)

        def answered(answer: Wish | Failed | None) -> None:
            if isinstance(answer, Failed):
                self._say(answer.text)
            elif answer is not None:
                self.dismiss()
                self._run.follow(answer)

        self._say("")
        self.app.push_screen(ProposalDialog(self._run, data), answered)

    def _say(self, words: str, style: str = BAD) -> None:
        self.query_one("#note", Static).update(Text(plain(words), style))


def prompt(entry: PathEntry) -> Text:
    """'chats.jsonl   12 MiB · 5 min ago'."""
    text = Text(plain(entry.text), "" if entry.is_data else QUIET, no_wrap=True)
    if entry.is_folder:
        return text
    size = figures.size(entry.bytes) if entry.bytes >= 2**20 else f"{-(-entry.bytes // 1024)} KiB"
    return text.append(plain(f"   {size} · {since(entry.modified)}"), QUIET)
