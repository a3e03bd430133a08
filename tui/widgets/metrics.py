"""Learning rate, gradient norm, speed and memory, each with a sparkline."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from tui.colours import LIVE
from tui.glyphs import glyphs
from tui.state import RunView, decimal
from tui.widgets.sparkline import sparkline

LABEL_WIDTH = 6
LEAST_CELL = 24
MOST_SPARK = 16
# The sparklines show the recent past: over a whole run a falling curve would draw flat.
WINDOW = 400


class Metrics(Widget):
    """Cells of label, sparkline and value, as many beside each other as fit."""

    view: reactive[RunView | None] = reactive(None)

    def render(self) -> Text:
        if self.view is None:
            return Text("")
        cells = metric_cells(self.view)
        columns = max(1, min(len(cells), self.size.width // (LEAST_CELL + 8)))
        if self.size.width < 2 * (LEAST_CELL + 8):
            columns = max(1, self.size.width // LEAST_CELL)
        width = self.size.width // columns
        lines = []
        for start in range(0, len(cells), columns):
            line = Text()
            for label, values, value in cells[start : start + columns]:
                line.append_text(_cell(label, values, value, width))
            lines.append(line)
        return Text("\n").join(lines)


def metric_cells(view: RunView) -> list[tuple[str, Sequence[float], str]]:
    """(label, values, newest value in words) of each figure."""
    train = view.curves.train
    n = len(train)
    start = max(0, n - WINDOW)
    rates = [
        tokens / seconds if seconds > 0 else math.nan
        for tokens, seconds in zip(train.tokens[start:], train.seconds[start:], strict=True)
    ]
    return [
        ("lr", train.lr[start:], f"{train.lr[-1]:.1e}" if n else glyphs().dash),
        ("grad", train.grad_norm[start:], f"{train.grad_norm[-1]:.2f}" if n else glyphs().dash),
        ("tok/s", rates, thousands(rates[-1]) if rates else glyphs().dash),
        memory_cell(view),
    ]


def memory_cell(view: RunView) -> tuple[str, Sequence[float], str]:
    """VRAM of this run and of others; the process's RAM on the CPU."""
    gpu = view.system.get("gpu")
    if not isinstance(gpu, dict):
        rss = decimal(view.system.get("trainer_rss_mib"))
        return ("RAM", view.vram, glyphs().dash if rss is None else f"{rss / 1024:.1f} GiB")
    own, used = decimal(gpu.get("own_mib")), decimal(gpu.get("used_mib"))
    if gpu.get("problem"):
        return ("VRAM", view.vram, "GPU lost")
    if own is None:
        own = decimal(view.memory.get("reserved_mib"))
    if own is None or used is None:
        return ("VRAM", view.vram, glyphs().dash if used is None else f"{used / 1024:.1f} GiB")
    others = max(0.0, used - own)
    return (
        "VRAM",
        view.vram,
        f"{own / 1024:.1f} GiB" + (f" +{others / 1024:.1f} others" if others >= 100 else ""),
    )


def thousands(value: float) -> str:
    """'950', '12.3k', '1.2M'."""
    if not math.isfinite(value):
        return glyphs().not_finite
    if value < 1000:
        return f"{value:.0f}"
    return f"{value / 1000:.1f}k" if value < 1e6 else f"{value / 1e6:.1f}M"


def _cell(label: str, values: Sequence[float], value: str, width: int) -> Text:
    spark = max(0, min(MOST_SPARK, width - LABEL_WIDTH - len(value) - 3))
    text = Text().append(label.ljust(LABEL_WIDTH), "dim").append(sparkline(values, spark).ljust(spark), LIVE)
    text.append(f" {value}")
    text.truncate(width - 1)
    return text.append(" " * max(0, width - text.cell_len))
