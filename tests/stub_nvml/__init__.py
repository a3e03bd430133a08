"""Builds the NVML stand-in and writes the weather it reports."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parent / "nvml.c"
GIB = 1 << 30

RTX_4090 = {
    "driver": "580.159.03",
    "cuda": "13000",
    "count": "1",
    "name": "NVIDIA GeForce RTX 4090",
    "uuid": "GPU-11111111-2222-3333-4444-555555555555",
    "memory_total": str(24 * GIB),
    "memory_free": str(10 * GIB),
    "utilisation": "97",
    "temperature": "66",
    "power": "390000",
    "capability": "8.9",
    "processes": "",
}


@dataclass(frozen=True)
class StubNvml:
    """A built stub library and the file its values come from."""

    library: Path
    values: Path

    def set(self, **values: str) -> None:
        """Replace what the stub reports; keys with a dot are given as device__key ('1__name')."""
        lines = [f"{key.replace('__', '.')}={value}\n" for key, value in values.items()]
        temporary = self.values.with_suffix(".tmp")
        temporary.write_text("".join(lines), encoding="utf-8")
        temporary.replace(self.values)

    @property
    def environment(self) -> dict[str, str]:
        """For a child process whose nvidia-ml-py is to find the stub."""
        path = f"{self.library.parent}:{os.environ.get('LD_LIBRARY_PATH', '')}".rstrip(":")
        return {**os.environ, "LD_LIBRARY_PATH": path, "FTUI_STUB_NVML": str(self.values)}


def build(folder: Path) -> Path:
    """Compile the stub into a folder; returns the library."""
    library = folder / "libnvidia-ml.so.1"
    compiler = os.environ.get("CC", "cc")
    subprocess.run(
        [
            compiler,
            "-shared",
            "-fPIC",
            "-O1",
            "-Wall",
            "-Wl,-soname,libnvidia-ml.so.1",
            "-o",
            library,
            SOURCE,
        ],
        check=True,
    )
    return library
