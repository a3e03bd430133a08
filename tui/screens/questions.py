"""Questions with an answer of one's own: a name, a number, yes or no."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from runner.preset.files import is_name
from tui.colours import BAD, QUIET
from tui.glyphs import plain
from tui.screens.dialog import Dialog
from tui.widgets.options import Options


class ConfirmDialog(Dialog[str | None]):
    """A question with a few answers, each a letter: [(key, words)]. Answers with the key, None for cancel."""

    def __init__(self, heading: str, question: str, answers: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.heading = heading
        self._question = question
        self._answers = tuple(answers)
        for key, words in self._answers:
            self._bindings.bind(key, f"answer('{key}')", words, show=False)

    def content(self) -> RenderableType:
        return Text(plain(self._question))

    def keys(self) -> Text:
        text = Text()
        for key, words in self._answers:
            text.append(f" {key} ", "reverse").append(f" {plain(words)}   ")
        return text.append(" esc ", "reverse").append(" cancel")

    def action_answer(self, key: str) -> None:
        self.dismiss(key)


class NameDialog(Dialog[str | None]):
    """Asks for a name for a preset; answers with it, None for cancel. Characters that make no file name are refused."""

    BINDINGS = [Binding("escape", "dismiss", "Cancel", show=False)]

    def __init__(self, heading: str, suggestion: str, taken: Sequence[str] = ()) -> None:
        super().__init__()
        self.heading = heading
        self._suggestion = suggestion
        self._taken = frozenset(taken)

    def content(self) -> RenderableType:
        return Text("A name for the preset: letters, digits, dashes, dots.")

    def extra(self) -> ComposeResult:
        yield Input(self._suggestion, restrict=r"[A-Za-z0-9._-]*", max_length=60, id="name")
        yield Static(id="note")

    def keys(self) -> Text:
        return Text(" enter ", "reverse").append(" take it    ").append(" esc ", "reverse").append(" cancel")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _check(self, event: Input.Changed) -> None:
        words = "there is one of this name already" if event.value in self._taken else ""
        if event.value and not is_name(event.value):
            words = "that is no name for a preset"
        self.query_one("#note", Static).update(Text(words, BAD))

    @on(Input.Submitted)
    def _answer(self, event: Input.Submitted) -> None:
        name = event.value
        if is_name(name) and name not in self._taken:
            self.dismiss(name)


class PickDialog(Dialog[str | None]):
    """Asks for one of a list, filtered by typing; answers with its id, None for cancel."""

    BINDINGS = [
        Binding("escape", "dismiss", "Cancel", show=False),
        Binding("down", "move(1)", "Down", show=False, priority=True),
        Binding("up", "move(-1)", "Up", show=False, priority=True),
    ]

    def __init__(self, heading: str, question: str, choices: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.heading = heading
        self._question = question
        self._choices = tuple(choices)

    def content(self) -> RenderableType:
        return Text(plain(self._question), QUIET)

    def extra(self) -> ComposeResult:
        yield Input(placeholder="type to narrow", id="filter")
        yield Options(*self._options(""), id="picks")

    def keys(self) -> Text:
        return Text(" enter ", "reverse").append(" take it    ").append(" esc ", "reverse").append(" cancel")

    def _options(self, words: str) -> list[Option]:
        wanted = words.lower().split()
        return [
            Option(plain(text), id=key)
            for key, text in self._choices
            if all(w in text.lower() for w in wanted)
        ]

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self.query_one(OptionList).highlighted = 0

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        picks = self.query_one(OptionList)
        picks.clear_options()
        picks.add_options(self._options(event.value))
        if picks.option_count:
            picks.highlighted = 0

    def action_move(self, by: int) -> None:
        picks = self.query_one(OptionList)
        if picks.option_count:
            picks.highlighted = ((picks.highlighted or 0) + by) % picks.option_count

    @on(Input.Submitted)
    def _answer(self, event: Input.Submitted) -> None:
        option = self.query_one(OptionList).highlighted_option
        if option is not None:
            self.dismiss(option.id)

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)
