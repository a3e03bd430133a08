"""NVML itself: its start, its devices, and calls whose errors are None or a sentence. Only runner/gpu.py and
runner/xids.py ask here.

NVML calls never create a CUDA context. Reading memory and utilisation takes microseconds, the list of processes
milliseconds. Without persistence mode the start loads the driver for every card, which takes seconds each.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
MIB = 1 << 20
GIB = 1 << 30

NOT_LOADED, NO_LIBRARY, NOT_FOUND, NOT_SUPPORTED, INVALID_ARGUMENT = 9, 12, 6, 3, 2
# NVML error code -> what it means for a person. The rest is shown in NVML's own words.
MEANING = {
    NOT_LOADED: "the NVIDIA driver is not loaded",
    NO_LIBRARY: "no NVIDIA GPU (there is no driver on this machine)",
    15: "the GPU is lost (fallen off the bus); only a reboot brings it back",
    16: "the GPU needs a reset",
    18: "driver and library versions differ: the driver was updated, reboot to load it",
    4: "no permission to talk to the NVIDIA driver",
    999: "the NVIDIA driver gave an unknown error",
}
FORBIDDEN = "not allowed here: a container, a cgroup or Slurm keeps it from you"
NO_SLICES = "MIG is on and none of its slices can be used: make one with `nvidia-smi mig -cgi PROFILE -C`"
NO_INSTANCE = 0xFFFFFFFF
PCI = Path("/sys/bus/pci/devices")
DRIVER_CARDS = Path("/proc/driver/nvidia/gpus")

lock = threading.Lock()
_ready = False


@dataclass(frozen=True)
class Trouble:
    """Why NVML does not start; `is_absent` where that means that there is no NVIDIA GPU to be used."""

    words: str
    is_absent: bool


@dataclass(frozen=True)
class Device:
    """A card, or one MIG slice of it: `card` is then the handle of the card. Without a handle there is a problem."""

    index: int
    handle: Any = None
    slice: int | None = None
    card: Any = None
    problem: str = ""

    @property
    def whole(self) -> Any:
        """The handle of the card."""
        return self.handle if self.card is None else self.card


def start() -> Trouble | None:
    """Initialise NVML once; why it cannot be. A failed start is tried again: drivers come back."""
    global _ready
    if _ready:
        return None
    try:
        import pynvml

        pynvml.nvmlInit()
    except ImportError:
        return Trouble("nvidia-ml-py is not installed", True)
    except Exception as error:
        code = _code(error)
        return Trouble(words(error), code == NO_LIBRARY or (code == NOT_LOADED and not is_on_bus(PCI)))
    _ready = True
    return None


def is_on_bus(devices: Path) -> bool:
    """Whether an NVIDIA display or compute device is on the PCI bus, with or without a driver."""

    def text(path: Path) -> str:
        try:
            return path.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return ""

    try:
        found = list(devices.iterdir())
    except OSError:
        return False
    return any(text(one / "vendor") == "0x10de" and text(one / "class").startswith("0x03") for one in found)


def card_count() -> int:
    """How many cards the driver has, without asking NVML; 1 where it does not say."""
    try:
        return max(1, sum(1 for _ in DRIVER_CARDS.iterdir()))
    except OSError:
        return 1


def devices() -> Iterator[Device]:
    """Every card, or in its place its MIG slices; those that cannot be had too. Raises NVMLError when there is no
    telling how many there are.
    """
    import pynvml

    for index in range(pynvml.nvmlDeviceGetCount()):
        try:
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        except Exception as error:
            yield Device(index, problem=card_words(error))
            continue
        if not _is_split(handle):
            yield Device(index, handle)
            continue
        yield from list(_slices(index, handle)) or [Device(index, handle, problem=NO_SLICES)]


def _is_split(handle: Any) -> bool:
    import pynvml

    mode = value(lambda: pynvml.nvmlDeviceGetMigMode(handle))
    return mode is not None and mode[0] == pynvml.NVML_DEVICE_MIG_ENABLE


def _slices(index: int, card: Any) -> Iterator[Device]:
    import pynvml

    for place in range(value(lambda: pynvml.nvmlDeviceGetMaxMigDeviceCount(card)) or 0):
        try:
            handle = pynvml.nvmlDeviceGetMigDeviceHandleByIndex(card, place)
        except Exception as error:
            if _code(error) not in (NOT_FOUND, INVALID_ARGUMENT):
                yield Device(index, None, place, card, card_words(error))
            continue
        yield Device(index, handle, place, card)


def name(device: Device) -> str:
    """'NVIDIA A100-SXM4-80GB', with ' MIG 1g.10gb' for a slice of it."""
    import pynvml

    card = value(lambda: text(pynvml.nvmlDeviceGetName(device.whole))) or "NVIDIA GPU"
    if device.slice is None:
        return card
    own = value(lambda: text(pynvml.nvmlDeviceGetName(device.handle))) or ""
    # Drivers before 470 give a slice the name of its card.
    return own if " MIG " in own else f"{card} MIG {_profile(device)}".rstrip()


def _profile(device: Device) -> str:
    """'1g.10gb' as nvidia-smi names it: eighths of the card's memory, and the compute slices in front where they are
    fewer. Empty where the driver does not tell.
    """
    import pynvml

    one = value(lambda: pynvml.nvmlDeviceGetAttributes_v2(device.handle))
    card = value(lambda: pynvml.nvmlDeviceGetMemoryInfo(device.card))
    if one is None or card is None or not card.total:
        return ""
    eighths = math.ceil(8 * int(one.memorySizeMB) * MIB / card.total)
    parts = f"{one.gpuInstanceSliceCount}g.{round(eighths * math.ceil(card.total / GIB) / 8)}gb"
    fewer = 0 < one.computeInstanceSliceCount < one.gpuInstanceSliceCount
    return f"{one.computeInstanceSliceCount}c.{parts}" if fewer else parts


def slice_memory(device: Device) -> int | None:
    """Bytes of a MIG slice by its profile."""
    import pynvml

    one = value(lambda: pynvml.nvmlDeviceGetAttributes_v2(device.handle))
    return None if one is None else int(one.memorySizeMB) * MIB


def instances(device: Device) -> tuple[int, int] | None:
    """The ids of a MIG slice's GPU instance and compute instance."""
    import pynvml

    if device.slice is None or device.handle is None:
        return None
    found = value(lambda: pynvml.nvmlDeviceGetGpuInstanceId(device.handle))
    inner = value(lambda: pynvml.nvmlDeviceGetComputeInstanceId(device.handle))
    return None if found is None or inner is None else (int(found), int(inner))


def speed(device: Device) -> int:
    """Cores times their highest clock: nearest to what CUDA orders cards by; 0 where the driver tells neither."""
    import pynvml

    cores = value(lambda: pynvml.nvmlDeviceGetNumGpuCores(device.whole)) or 0
    clock = value(lambda: pynvml.nvmlDeviceGetMaxClockInfo(device.whole, pynvml.NVML_CLOCK_SM)) or 0
    return int(cores * clock)


def processes(handle: Any) -> list[tuple[int, int | None]] | None:
    """(pid, MiB) of every process that computes on it; None where the driver does not tell."""
    import pynvml

    # Old drivers lack the newest call; each version has the same fields.
    for name in ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2"):
        found = value(lambda name=name: getattr(pynvml, name)(handle))  # type: ignore[misc]
        if found is not None:
            return [
                (int(p.pid), None if p.usedGpuMemory is None else int(p.usedGpuMemory) // MIB) for p in found
            ]
    return None


def utilisation_by_process(handle: Any, seconds: float) -> dict[int, int] | None:
    """pid -> percent of the card's time in the last so many seconds, its highest sample; without those that did
    nothing. None where the driver does not tell, as with MIG.
    """
    import pynvml

    since = int((time.time() - seconds) * 1e6)
    try:
        samples = pynvml.nvmlDeviceGetProcessUtilization(handle, since)
    except Exception as error:
        return {} if _code(error) == NOT_FOUND else None
    found: dict[int, int] = {}
    for one in samples:
        if one.timeStamp > since:
            found[int(one.pid)] = max(found.get(int(one.pid), 0), int(one.smUtil))
    return found


def value(query: Callable[[], T]) -> T | None:
    """The answer, or None. NVML also raises plain Python errors: for unknown symbols and for names that are no text."""
    try:
        return query()
    except Exception:
        return None


def text(found: str | bytes) -> str:
    return found.decode("utf-8", errors="replace") if isinstance(found, bytes) else found


def words(error: Exception) -> str:
    """An error in a sentence."""
    code = _code(error)
    return f"NVML: {error}" if code is None else MEANING.get(code, f"NVML: {error}")


def card_words(error: Exception) -> str:
    """The same where it is about one card."""
    return FORBIDDEN if _code(error) == 4 else words(error)


def is_unsupported(error: Exception) -> bool:
    """Whether the driver has no such value for this device."""
    return _code(error) == NOT_SUPPORTED


def _code(error: Exception) -> int | None:
    code = getattr(error, "value", None)
    return code if isinstance(code, int) else None
