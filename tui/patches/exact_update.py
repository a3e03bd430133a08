"""Screen updates that write only the cells that are to be repainted.

Textual 8 repaints from the left edge of the widget to the last cell that changed; of a chart that grows at its right
end that is the whole row. Over SSH it is most of what is sent. https://github.com/Textualize/textual/issues/5625 asked
for updates that are cut at both ends and was closed without; the source says "TODO: crop to x extents".
tests/tui/test_patches.py tells when Textual does it, or has changed what this rests on.
"""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate
from textual.strip import Strip


class ExactUpdate(ChopsUpdate):
    """A ChopsUpdate cut at the left as well."""

    @classmethod
    def of(cls, update: ChopsUpdate) -> ExactUpdate:
        """The same update, written exactly."""
        return cls(update.chops, update.spans, update.chop_ends)

    def render_segments(self, console: Console) -> str:
        """What is written to the terminal."""
        written: list[str] = []
        for y, first, last in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is None or x >= last or end <= first:
                    continue
                start, stop = whole_characters(strip, max(x, first) - x, min(end, last) - x)
                part = strip if (start, stop) == (0, end - x) else strip.crop(start, stop)
                written += [Control.move_to(x + start, y).segment.text, part.render(console)]
        return "".join(written)


def whole_characters(strip: Strip, start: int, stop: int) -> tuple[int, int]:
    """The stretch [start, stop) of a strip, widened where it would cut a wide character in two.

    What is repainted may lie under another widget, whose characters have nothing to do with where it begins and ends.
    """
    text, length = strip.text, strip.cell_length
    if len(text) == length and (text.isascii() or (start, stop) == (0, length)):
        return start, stop
    widths = [cell_len(character) for character in text]
    if sum(widths) != length:
        # Joined emoji: only as a whole.
        return 0, length
    place = 0
    for width in widths:
        if place < start < place + width:
            start = place
        if place < stop < place + width:
            stop = place + width
        place += width
    return start, stop
