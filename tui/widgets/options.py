"""A list of options that may have no room at all."""

from __future__ import annotations

from textual.geometry import Size
from textual.widgets import OptionList


class Options(OptionList):
    """Pages only while there is something to see: Textual 8.2 asks for lines it has not laid out, and ends the app; so
    it does when it is asked how high its lines are without any width.
    """

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return super().get_content_height(container, viewport, max(1, width))

    def action_page_down(self) -> None:
        if self.scrollable_content_region:
            super().action_page_down()  # type: ignore[no-untyped-call]

    def action_page_up(self) -> None:
        if self.scrollable_content_region:
            super().action_page_up()  # type: ignore[no-untyped-call]
