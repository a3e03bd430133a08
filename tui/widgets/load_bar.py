"""GPU and host load at the top of the screen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.reactive import var

from runner.gpu import Gpu, GpuReading, GpuSample
from runner.host import HostSample
from runner.insight.figures import gib
from tui.colours import BAD, FAINT, GOOD, NOTE
from tui.glyphs import glyphs, plain
from tui.widgets.lines import Drawing
from tui.widgets.sparkline import bar

# More GPUs than that stand beside each other, each in few words.
MOST_LINES = 4
CELL = 22
NARROW = 100


class LoadBar(Drawing):
    """One line per GPU: VRAM, utilisation, temperature, power; of more than four, several a line; the host at the end
    of the first where there is room.
    """

    DEFAULT_CSS = "LoadBar { height: auto; padding: 0 1; background: $panel; }"

    gpus: var[GpuReading | None] = var(None)
    host: var[HostSample | None] = var(None)

    def watch_gpus(self) -> None:
        self.draw()

    def watch_host(self) -> None:
        self.draw()

    def lines(self, width: int, height: int) -> Sequence[Text]:
        host = self._host_text()
        lines = self._gpu_lines(width, host.cell_len + 2)
        space = width - lines[0].cell_len - host.cell_len
        if space >= 2:
            lines[0] = lines[0].append(" " * space).append_text(host)
        return lines

    def _gpu_lines(self, width: int, host: int) -> list[Text]:
        if self.gpus is None:
            return [Text(plain("looking for GPUs …"), "dim")]
        if not self.gpus.samples:
            if self.gpus.is_sick:
                return [Text(plain(self.gpus.problem), f"bold {BAD}")]
            return [Text(plain(f"{self.gpus.problem} · runs use the CPU"), "dim")]
        if len(self.gpus.samples) <= MOST_LINES:
            return [gpu_line(sample, width, len(self.gpus.samples) > 1) for sample in self.gpus.samples]
        room = width - host if width >= NARROW else width
        return grid(self.gpus.samples, room, max(MOST_LINES, self.app.size.height // 3))

    def _host_text(self) -> Text:
        if self.host is None:
            return Text()
        used, total = self.host.ram_used_mib / 1024, self.host.ram_total_mib / 1024
        return Text(f"cpu {self.host.cpu_percent:3.0f} %  ram {used:.1f}/{total:.0f} GiB", "dim")


def gpu_line(sample: GpuSample, width: int, numbered: bool = False) -> Text:
    """'RTX 4090 ━━━━── 14.2 of 24.0 GiB · 97 % · 66 °C · 390 W'; values that are not known are left out."""
    line = Text().append(f"{sample.gpu.number} " if numbered else "").append(short_name(sample.gpu), "bold")
    if sample.problem:
        return line.append(f"  {sample.problem}", f"bold {BAD}")
    dot = f" {glyphs().dot} "
    total = sample.gpu.total_mib
    if sample.used_mib is not None and total:
        share = sample.used_mib / total
        full, empty = bar(share, 12 if width < NARROW else 24)
        style = BAD if share > 0.95 else NOTE if share > 0.85 else GOOD
        line.append(" ").append(full, style).append(empty, FAINT)
        line.append(f" {gib(sample.used_mib)} of {gib(total)} GiB")
        if sample.gpu.shares_ram:
            line.append(" shared with the host")
    parts = []
    if sample.utilisation_percent is not None:
        parts.append(f"{sample.utilisation_percent} %")
    if sample.temperature_c is not None:
        parts.append(f"{sample.temperature_c} {glyphs().degree}")
    if sample.power_w is not None:
        parts.append(f"{sample.power_w:.0f} W")
    return line.append("".join(dot + part for part in parts))


def grid(samples: Sequence[GpuSample], width: int, most_lines: int) -> list[Text]:
    """Many GPUs in as few lines as their cells need, as '3   14/80 GiB 97 %'. Those that need more lines than there may
    be are counted in the last cell.
    """
    columns = max(1, width // CELL)
    rows = min(most_lines, -(-len(samples) // columns))
    # As even as it goes: eight are twice four, not seven and one.
    columns = min(columns, -(-len(samples) // rows))
    cell = max(1, width // columns)
    cells = [small_cell(sample) for sample in samples]
    if len(cells) > rows * columns:
        shown = rows * columns - 1
        cells[shown:] = [Text(f"{len(samples) - shown} more: ftui doctor", "dim")]
    lines = []
    for start in range(0, len(cells), columns):
        line = Text()
        for part in cells[start : start + columns]:
            part.truncate(max(1, cell - 2))
            line.append_text(part).append(" " * (cell - part.cell_len))
        line.rstrip()
        lines.append(line)
    return lines


def small_cell(sample: GpuSample) -> Text:
    """A GPU by its number, in few words."""
    text = Text().append(f"{sample.gpu.number:<3}", "bold")
    total = sample.gpu.total_mib
    if sample.problem:
        return text.append(f" {sample.problem}", f"bold {BAD}")
    if sample.used_mib is not None and total:
        share = sample.used_mib / total
        style = BAD if share > 0.95 else NOTE if share > 0.85 else ""
        text.append(f" {sample.used_mib / 1024:.0f}/{total / 1024:.0f} GiB", style)
    return text.append("" if sample.utilisation_percent is None else f" {sample.utilisation_percent} %")


def short_name(gpu: Gpu) -> str:
    """A card's name without its maker's."""
    name = gpu.name
    for word in ("NVIDIA ", "GeForce "):
        name = name.removeprefix(word)
    return name


if __name__ == "__main__":
    from tui.widgets.playground import show

    card = Gpu(0, "GPU-1", "NVIDIA GeForce RTX 4090", 24564)
    show(
        LoadBar(),
        gpus=GpuReading((GpuSample(card, 14540, 10024, 97, 66, 390.0),), "580.1"),
        host=HostSample(12.0, 14000, 129000),
    )
