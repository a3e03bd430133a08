"""A list of options that may have no room at all."""

from __future__ import annotations

from textual.widgets import OptionList


class Options(OptionList):
    """Pages only while there is something to see: Textual 8.2 asks for lines it has not laid out, and ends the app."""

    def action_page_down(self) -> None:
        if self.scrollable_content_region:
            super().action_page_down()  # type: ignore[no-untyped-call]

    def action_page_up(self) -> None:
        if self.scrollable_content_region:
            super().action_page_up()  # type: ignore[no-untyped-call]
