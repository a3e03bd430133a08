"""The setting under the cursor: its value to type or choose, what it does, its default and bounds."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from runner.preset.fields import FieldKind
from tui.colours import BAD, LIVE, NOTE, QUIET
from tui.glyphs import glyphs, plain
from tui.models.form_rows import FormRow
from tui.models.typed_path import PathEntry, kept
from tui.widgets.options import Options
from tui.widgets.path_input import PathInput

# What a path could become, of the help that is shown meanwhile.
MOST_NAMES = 12

# The settings that name columns of the rows.
OF_COLUMNS = ("data.columns", "data.drop_columns")


class ValueInput(PathInput):
    """A value being typed; enter and escape go back to the list, what was typed stays. Tab completes a path."""

    BINDINGS = [Binding("escape", "done", "Back", show=False)]

    class Done(Message):
        """The user is done typing."""

    def action_done(self) -> None:
        self.post_message(self.Done())


class ChoiceList(Options):
    """The values a setting can have."""

    BINDINGS = [
        Binding("escape", "done", "Back", show=False),
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
    ]

    def action_done(self) -> None:
        self.post_message(ValueInput.Done())


class FieldEditor(Vertical):
    """Help for a setting and, while it is edited, the widget for its kind. Every keystroke is told at once."""

    row: reactive[FormRow | None] = reactive(None)
    # Those of the training rows, as far as they were looked at.
    columns: reactive[tuple[str, ...]] = reactive(())

    class Typed(Message):
        """The text of a setting is now this; `done` when it was chosen and the list is to have the focus again."""

        def __init__(self, setting: str, text: str, done: bool = False) -> None:
            self.setting = setting
            self.text = text
            self.done = done
            super().__init__()

    def __init__(self, **options: str) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._editing = ""
        # A value that is put back as it was before stays as it was written.
        self._before = ""

    def compose(self) -> ComposeResult:
        yield ValueInput(id="value", select_on_focus=True)
        yield ChoiceList(id="choices")
        yield Static(id="names")
        yield Static(id="help")

    def on_mount(self) -> None:
        self._hide()

    def watch_row(self, row: FormRow | None) -> None:
        if not self.is_mounted or row is None:
            return
        if self._editing and row.field.name != self._editing:
            self._hide()
        self.border_title = plain(row.field.name)
        self.query_one("#help", Static).update(help_text(row, self.columns))

    def watch_columns(self) -> None:
        self.watch_row(self.row)

    def edit(self) -> None:
        """Begin to edit the setting shown."""
        row = self.row
        if row is None:
            return
        self._editing = row.field.name
        if row.field.kind is FieldKind.CHOICE:
            choices = self.query_one(ChoiceList)
            choices.clear_options()
            choices.add_options(Option(choice, id=choice) for choice in row.field.choices)
            if row.text in row.field.choices:
                choices.highlighted = row.field.choices.index(row.text)
            choices.display = True
            choices.focus()
        else:
            value = self.query_one(ValueInput)
            value.forget()
            value.completes = row.field.kind is FieldKind.PATH
            self._before = row.text
            with value.prevent(Input.Changed):
                value.value = row.text
            value.placeholder = placeholder(row)
            value.display = True
            value.focus()

    def stop_editing(self) -> None:
        self._hide()

    def _hide(self) -> None:
        self._editing = ""
        for widget in (self.query_one(ValueInput), self.query_one(ChoiceList), self.query_one("#names")):
            widget.display = False

    def take(self, asked: str, completed: str, entries: Sequence[PathEntry]) -> None:
        """The path that was typed is completed, as far as what it could become has something in common."""
        if self.query_one(ValueInput).take(asked, completed):
            names = self.query_one("#names", Static)
            names.update(names_of(entries))
            names.display = len(entries) != 1

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        row = self.row
        if not self._editing or row is None:
            return
        text = event.value
        if row.field.kind is FieldKind.PATH and text != self._before:
            text = kept(text, row.field.hub)
        self.post_message(self.Typed(self._editing, text))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(ValueInput.Done())

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self._editing:
            self.post_message(self.Typed(self._editing, str(event.option.id), done=True))

    @on(OptionList.OptionHighlighted)
    def _looked_at(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()


def names_of(entries: Sequence[PathEntry]) -> Text:
    """What a path could become: the last parts of them, folders with a slash."""
    if not entries:
        return Text("nothing begins like this", NOTE)
    names = [one.text.rstrip("/").rpartition("/")[2] + "/" * one.is_folder for one in entries[:MOST_NAMES]]
    more = f"  and {len(entries) - MOST_NAMES:,} more" if len(entries) > MOST_NAMES else ""
    return Text(plain("  ".join(names) + more), NOTE)


def placeholder(row: FormRow) -> str:
    """What an empty value means."""
    return f"empty: {row.inherited or 'none'}"


def help_text(row: FormRow, columns: tuple[str, ...] = ()) -> Text:
    """Problem, doc, default, bounds, and who sets it; for settings that name columns, those there are."""
    field = row.field
    text = Text()
    if row.problem:
        text.append(plain(f"{glyphs().failed} {row.problem}\n"), f"bold {BAD}")
    text.append(plain(field.doc))
    if columns and field.name in OF_COLUMNS:
        text.append(plain(f"\nyour columns: {', '.join(columns)}"), LIVE)
    takes = field.expects
    if field.choices and field.kind is FieldKind.LIST:
        takes = f"some of {', '.join(field.choices)}"
    text.append(plain(f"\ntakes {takes}"), QUIET)
    default = "required" if field.required else f"{glyphs().dot} without it {row.inherited or 'none'}"
    where = (
        ""
        if row.origin == "default"
        else f" {glyphs().dot} set {'' if row.origin == 'here' else 'in '}{row.origin}"
    )
    return text.append(plain(f" {default}{where}"), QUIET)
