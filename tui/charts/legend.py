"""What the signs of a chart mean, in one line."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from runner.insight.drawn import Drawn
from tui.charts.plot import LABEL_WIDTH, Palette
from tui.charts.view import named_sets
from tui.glyphs import glyphs, plain

LONGEST_NAME = 16

Part = tuple[str, str]


def parts_of(what: Drawn, palette: Palette | None = None) -> list[Part]:
    """(sign and meaning, style) of everything a chart of a run shows."""
    marks, colours = glyphs(), palette or Palette()
    signs = zip((marks.eval_point, *marks.set_points), (colours.val, *colours.others), strict=True)
    sets = [
        (f"{sign} {short(name)}", style)
        for (sign, style), (name, _) in zip(signs, named_sets(what), strict=False)
    ]
    # Before anything is evaluated it is known what will be.
    sets = sets or ([] if what.name else [(f"{marks.eval_point} held-out", colours.val)])
    more = [(f"+{what.left_out} sets", colours.axis)] if what.left_out else []
    probe = [] if what.name else [(f"{marks.probe_point} training rows, same weights", colours.probe)]
    return [
        (f"{marks.bar_empty} {short(what.name) or 'train'}", colours.smooth),
        *sets,
        *more,
        *probe,
        *([(f"{marks.best_point} best", colours.best)] if sets else []),
        (f"{marks.epoch_mark} epoch", colours.axis),
    ]


def line(parts: Iterable[Part], width: int, indent: int = LABEL_WIDTH) -> Text:
    """As many of the parts as fit beside each other."""
    text = Text(" " * indent)
    for part, style in parts:
        if text.cell_len + len(part) + 3 <= width:
            text.append(part, style).append("   ")
    return text


def short(name: str) -> str:
    """A name that leaves room for others, its end kept: names of sets differ there."""
    name = plain(name)
    return name if len(name) <= LONGEST_NAME else f"{plain('…')}{name[-LONGEST_NAME + 1 :]}"
