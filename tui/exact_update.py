"""Screen updates that write only the cells that are to be repainted.

Textual 8 repaints from the left edge of the widget to the last cell that changed; of a chart that grows at its right
end that is the whole row. Over SSH it is most of what is sent.
"""

from __future__ import annotations

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate


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
                start, stop = max(x, first), min(end, last)
                part = strip if (start, stop) == (x, end) else strip.crop(start - x, stop - x)
                written += [Control.move_to(start, y).segment.text, part.render(console)]
        return "".join(written)
