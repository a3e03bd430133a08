"""The settings of a preset in a list: names, values, and marks for what was changed."""

from __future__ import annotations

from rich.text import Text
from textual.binding import Binding
from textual.message import Message
from textual.reactive import reactive
from textual.widgets.option_list import Option

from runner.preset.fields import FieldKind
from tui.colours import BAD, LIVE, NOTE, QUIET
from tui.glyphs import glyphs, plain
from tui.models.form_rows import FormRow
from tui.widgets.options import Options

NAME_WIDTH = 28
LEAST_VALUE = 16

# Runs Python of others with this user's rights.
REMOTE_CODE = "model.trust_remote_code"


class PresetForm(Options):
    """One line a setting, under its section. Enter edits, space goes to the next choice, u takes a setting back."""

    BINDINGS = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("space", "step(1)", "Next choice", show=False),
        Binding("right", "step(1)", "Next choice", show=False),
        Binding("left", "step(-1)", "Previous choice", show=False),
        Binding("home", "first", "First", show=False),
    ]
    BORDER_TITLE = "Settings"

    rows: reactive[tuple[FormRow, ...]] = reactive(())

    class Stepped(Message):
        """A switch or a choice is to go on by `by`."""

        def __init__(self, row: FormRow, by: int) -> None:
            self.row = row
            self.by = by
            super().__init__()

    def __init__(self, **options: str) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._shown: tuple[FormRow, ...] = ()

    def watch_rows(self, rows: tuple[FormRow, ...]) -> None:
        if [row.field for row in rows] != [row.field for row in self._shown]:
            self._rebuild(rows)
            return
        # Typing changes one row: the others stay as they are drawn.
        for old, row in zip(self._shown, rows, strict=True):
            if old != row:
                self.replace_option_prompt(row.field.name, self._prompt(row))
        self._shown = rows

    def _rebuild(self, rows: tuple[FormRow, ...]) -> None:
        kept = self.highlighted_row
        self._shown = rows
        self.clear_options()
        section = None
        for row in rows:
            if row.field.section and row.field.section != section:
                section = row.field.section
                self.add_option(Option(Text(section, f"bold {LIVE}"), disabled=True))
            self.add_option(Option(self._prompt(row), id=row.field.name))
        names = [row.field.name for row in rows]
        if kept is not None and kept.field.name in names:
            self.select(kept.field.name)
        elif names:
            self.select(names[0])

    def select(self, name: str) -> None:
        """Go to a setting; to none when it is not shown."""
        if any(row.field.name == name for row in self._shown):
            self.highlighted = self.get_option_index(name)

    @property
    def highlighted_row(self) -> FormRow | None:
        """The setting under the cursor."""
        option = self.highlighted_option
        return next((row for row in self._shown if option is not None and row.field.name == option.id), None)

    def on_resize(self) -> None:
        for row in self._shown:
            self.replace_option_prompt(row.field.name, self._prompt(row))

    def action_step(self, by: int) -> None:
        row = self.highlighted_row
        if row is not None and row.field.kind in (FieldKind.SWITCH, FieldKind.CHOICE):
            self.post_message(self.Stepped(row, by))

    def _prompt(self, row: FormRow) -> Text:
        width = max(20, self.scrollable_content_region.width - 1)
        name_width = min(NAME_WIDTH, max(12, width - LEAST_VALUE))
        text = Text(no_wrap=True)
        text.append_text(mark(row)).append(" ")
        name = Text(row.field.key, BAD if row.problem else "")
        name.truncate(name_width, overflow=glyphs().overflow, pad=True)
        text.append_text(name).append(" ")
        room = width - name_width - 4
        words = plain(value_text(row))
        if row.field.kind is FieldKind.PATH and len(words) > room:
            # The end of a path tells it from others.
            words = plain("…") + words[-max(1, room - 3) :]
        value = Text(words, value_style(row))
        value.truncate(room, overflow=glyphs().overflow)
        return text.append_text(value)


def mark(row: FormRow) -> Text:
    """What is special about a setting: wrong, changed since it was saved, or set here to something of its own."""
    marks = glyphs()
    if row.problem:
        return Text(marks.failed, BAD)
    if row.changed:
        return Text(marks.running, LIVE)
    return Text(marks.dot if row.differs else " ", NOTE)


def value_style(row: FormRow) -> str:
    """Strong when it is set here, plain when something it extends sets it, quiet for a default."""
    if row.problem or (row.field.name == REMOTE_CODE and row.text == "true"):
        return f"bold {BAD}"
    return "bold" if row.own else QUIET if row.origin == "default" else ""


def value_text(row: FormRow) -> str:
    """A value with the look of its kind: a box to tick, a choice between arrows."""
    if row.field.kind is FieldKind.SWITCH and row.text in ("true", "false"):
        return "[x] on" if row.text == "true" else "[ ] off"
    if not row.text:
        return "not set"
    if row.field.kind is FieldKind.CHOICE:
        return f"{row.text} {'<>' if glyphs().ascii else '◂▸'}"
    return row.text
