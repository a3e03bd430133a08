"""GPU and host load at the top of the screen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.reactive import var

from runner.gpu import Gpu, GpuReading, GpuSample
from runner.host import HostSample
from tui.colours import BAD, FAINT, GOOD, NOTE
from tui.glyphs import glyphs, plain
from tui.widgets.lines import Drawing
from tui.widgets.sparkline import bar

MOST_GPUS = 4
NARROW = 100


class LoadBar(Drawing):
    """One line per GPU: VRAM, utilisation, temperature, power; the host at the end of the first."""

    DEFAULT_CSS = "LoadBar { height: auto; max-height: 4; padding: 0 1; background: $panel; }"

    gpus: var[GpuReading | None] = var(None)
    host: var[HostSample | None] = var(None)

    def watch_gpus(self) -> None:
        self.draw()

    def watch_host(self) -> None:
        self.draw()

    def lines(self, width: int, height: int) -> Sequence[Text]:
        lines = self._gpu_lines()
        host = self._host_text()
        space = width - lines[0].cell_len - host.cell_len
        if space >= 2:
            lines[0] = lines[0].append(" " * space).append_text(host)
        return lines

    def _gpu_lines(self) -> list[Text]:
        if self.gpus is None:
            return [Text("looking for GPUs …", "dim")]
        if not self.gpus.samples:
            return [Text(plain(f"{self.gpus.problem} · runs use the CPU"), "dim")]
        return [gpu_line(sample, self.size.width) for sample in self.gpus.samples[:MOST_GPUS]]

    def _host_text(self) -> Text:
        if self.host is None:
            return Text()
        used, total = self.host.ram_used_mib / 1024, self.host.ram_total_mib / 1024
        return Text(f"cpu {self.host.cpu_percent:3.0f} %  ram {used:.1f}/{total:.0f} GiB", "dim")


def gpu_line(sample: GpuSample, width: int) -> Text:
    """'RTX 4090 ━━━━── 14.2 of 24.0 GiB · 97 % · 66 °C · 390 W'; values that are not known are left out."""
    line = Text().append(short_name(sample.gpu), "bold")
    if sample.problem:
        return line.append(f"  {sample.problem}", f"bold {BAD}")
    dot = f" {glyphs().dot} "
    total = sample.gpu.total_mib
    if sample.used_mib is not None and total:
        share = sample.used_mib / total
        full, empty = bar(share, 12 if width < NARROW else 24)
        style = BAD if share > 0.95 else NOTE if share > 0.85 else GOOD
        line.append(" ").append(full, style).append(empty, FAINT)
        line.append(f" {sample.used_mib / 1024:.1f} of {total / 1024:.1f} GiB")
    parts = []
    if sample.utilisation_percent is not None:
        parts.append(f"{sample.utilisation_percent} %")
    if sample.temperature_c is not None:
        parts.append(f"{sample.temperature_c} {glyphs().degree}")
    if sample.power_w is not None:
        parts.append(f"{sample.power_w:.0f} W")
    return line.append("".join(dot + part for part in parts))


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
        gpus=GpuReading((GpuSample(card, 14540, 10024, 97, 66, 390.0, 450.0),), "580.1"),
        host=HostSample(12.0, 14000, 129000),
    )
