"""The form with a line to find a setting by typing."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.reactive import reactive
from textual.widgets import Input

from tui.models.form_rows import FormRow, matching
from tui.widgets.preset_form import PresetForm


class SearchableForm(Vertical):
    """Shows the rows that fit what is typed; enter goes to the first of them, escape shows all again."""

    DEFAULT_CSS = (
        "SearchableForm #search { display: none; } SearchableForm.-searching #search { display: block; }"
    )

    rows: reactive[tuple[FormRow, ...]] = reactive(())

    def __init__(self, **options: str) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._words = ""

    def compose(self) -> ComposeResult:
        yield Input(placeholder="a setting, or what it does", id="search")
        yield PresetForm(id="form")

    @property
    def form(self) -> PresetForm:
        return self.query_one(PresetForm)

    @property
    def is_searching(self) -> bool:
        return self.has_class("-searching")

    def watch_rows(self, rows: tuple[FormRow, ...]) -> None:
        self.form.rows = matching(rows, self._words)

    def search(self) -> None:
        """Begin to search."""
        self.add_class("-searching")
        self.query_one(Input).focus()

    def go_to(self, name: str) -> None:
        """Show all rows and go to one."""
        self.remove_class("-searching")
        self._words = ""
        search = self.query_one(Input)
        with search.prevent(Input.Changed):
            search.value = ""
        self.form.rows = self.rows
        self.form.focus()
        self.form.select(name)

    def finish(self) -> None:
        """End the search where the cursor is."""
        row = self.form.highlighted_row
        self.go_to(row.field.name if row is not None else "")

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        event.stop()
        self._words = event.value
        self.form.rows = matching(self.rows, self._words)

    @on(Input.Submitted)
    def _found(self, event: Input.Submitted) -> None:
        event.stop()
        self.finish()
