"""The one door to NVML. Every value it cannot give is None, and every problem a sentence; nothing here raises.

NVML calls never create a CUDA context. Reading memory and utilisation takes microseconds, the list of processes
milliseconds, so ask for processes rarely.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
MIB = 1 << 20
AMPERE = (8, 0)


@dataclass(frozen=True)
class Gpu:
    """A device a run can have to itself: a card, or one MIG slice of it. total_mib is NVML's, driver share included."""

    index: int
    uuid: str
    name: str
    total_mib: int | None = None
    compute_capability: tuple[int, int] | None = None
    is_mig: bool = False

    @property
    def has_bf16(self) -> bool | None:
        """Whether bf16 runs natively (Ampere and later); None when the capability is unknown."""
        return None if self.compute_capability is None else self.compute_capability >= AMPERE

    def as_record(self) -> dict[str, Any]:
        """What run.json says of it."""
        return {"index": self.index, "uuid": self.uuid, "name": self.name, "total_mib": self.total_mib}


@dataclass(frozen=True)
class GpuProcess:
    """A process on a GPU; used_mib is None where the driver does not tell (containers, WSL)."""

    pid: int
    used_mib: int | None


@dataclass(frozen=True)
class GpuSample:
    """One GPU at one moment. `problem` is not empty when the GPU did not answer."""

    gpu: Gpu
    used_mib: int | None = None
    free_mib: int | None = None
    utilisation_percent: int | None = None
    temperature_c: int | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    processes: tuple[GpuProcess, ...] | None = None
    problem: str = ""


@dataclass(frozen=True)
class GpuReading:
    """All GPUs at one moment; `problem` says why there are none."""

    samples: tuple[GpuSample, ...] = ()
    driver: str | None = None
    problem: str = ""


# NVML error code -> what it means for a person. The rest is shown in NVML's own words.
MEANING = {
    9: "the NVIDIA driver is not loaded",
    12: "no NVIDIA GPU (there is no driver on this machine)",
    15: "the GPU is lost (fallen off the bus); only a reboot brings it back",
    16: "the GPU needs a reset",
    18: "driver and library versions differ: the driver was updated, reboot to load it",
    4: "no permission to talk to the NVIDIA driver",
    999: "the NVIDIA driver gave an unknown error",
}
NO_GPU = "no NVIDIA GPU"

_lock = threading.Lock()
_ready = False


def read(processes: bool = False) -> GpuReading:
    """All GPUs now. Call it from a thread: a sick driver can take seconds to answer."""
    with _lock:
        problem = _start()
        if problem:
            return GpuReading(problem=problem)
        import pynvml

        driver = _value(lambda: _text(pynvml.nvmlSystemGetDriverVersion()))
        try:
            samples = tuple(_sample(handle, gpu, processes) for gpu, handle in _devices())
        except Exception as error:
            return GpuReading(driver=driver, problem=_words(error))
        return GpuReading(samples, driver, "" if samples else NO_GPU)


def list_gpus() -> tuple[Gpu, ...]:
    """Every GPU, without measuring anything."""
    return tuple(sample.gpu for sample in read().samples)


def cuda_version() -> str | None:
    """The newest CUDA the driver supports, as '13.0'."""
    with _lock:
        if _start():
            return None
        import pynvml

        number = _value(pynvml.nvmlSystemGetCudaDriverVersion_v2)
        return None if number is None else f"{number // 1000}.{number % 1000 // 10}"


class XidWatch:
    """Xid errors of one GPU from now on: what the driver logs when a GPU, or a program on it, goes wrong."""

    MOST = 16

    def __init__(self, uuid: str) -> None:
        self._events: Any = None
        with _lock:
            if not _start():
                # Not every driver and no virtual machine tells events.
                self._events = _value(lambda: _registered(uuid))

    def poll(self) -> list[int]:
        """The numbers of those that came since the last call."""
        import pynvml

        found: list[int] = []
        while self._events is not None and len(found) < self.MOST:
            event = _value(lambda: pynvml.nvmlEventSetWait_v2(self._events, 0))
            if event is None:
                break
            found.append(int(event.eventData))
        return found


def _registered(uuid: str) -> Any:
    """An event set for the Xid errors of a GPU; None when there is no such GPU. Raises NVMLError."""
    import pynvml

    handle = next((handle for gpu, handle in _devices() if gpu.uuid == uuid), None)
    if handle is None:
        return None
    events = pynvml.nvmlEventSetCreate()
    pynvml.nvmlDeviceRegisterEvents(handle, pynvml.nvmlEventTypeXidCriticalError, events)
    return events


def _start() -> str:
    """Initialise NVML once; the reason when it cannot be. A failed start is tried again: drivers come back."""
    global _ready
    if _ready:
        return ""
    try:
        import pynvml

        pynvml.nvmlInit()
    except ImportError:
        return "nvidia-ml-py is not installed"
    except Exception as error:
        return _words(error)
    _ready = True
    return ""


def _devices() -> Iterator[tuple[Gpu, Any]]:
    """Every card, or in its place its MIG slices."""
    import pynvml

    for index in range(pynvml.nvmlDeviceGetCount()):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        slices = list(_mig_slices(index, handle))
        yield from slices or [(_describe(index, handle, is_mig=False), handle)]


def _mig_slices(index: int, handle: Any) -> Iterator[tuple[Gpu, Any]]:
    import pynvml

    mode = _value(lambda: pynvml.nvmlDeviceGetMigMode(handle))
    if not mode or mode[0] != pynvml.NVML_DEVICE_MIG_ENABLE:
        return
    for place in range(_value(lambda: pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)) or 0):
        part = _value(lambda place=place: pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, place))  # type: ignore[misc]
        if part is not None:
            yield _describe(index, part, is_mig=True, card=handle), part


def _describe(index: int, handle: Any, is_mig: bool, card: Any = None) -> Gpu:
    import pynvml

    memory = _value(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle))
    capability = _value(lambda: pynvml.nvmlDeviceGetCudaComputeCapability(card or handle))
    return Gpu(
        index=index,
        uuid=_value(lambda: _text(pynvml.nvmlDeviceGetUUID(handle))) or f"unknown-{index}",
        name=_value(lambda: _text(pynvml.nvmlDeviceGetName(handle))) or "NVIDIA GPU",
        total_mib=memory.total // MIB if memory is not None else None,
        compute_capability=(int(capability[0]), int(capability[1])) if capability else None,
        is_mig=is_mig,
    )


def _sample(handle: Any, gpu: Gpu, processes: bool) -> GpuSample:
    import pynvml

    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    except Exception as error:
        return GpuSample(gpu, problem=_words(error))
    utilisation = _value(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle))
    power = _value(lambda: pynvml.nvmlDeviceGetPowerUsage(handle))
    limit = _value(lambda: pynvml.nvmlDeviceGetEnforcedPowerLimit(handle))
    return GpuSample(
        gpu,
        used_mib=(memory.total - memory.free) // MIB,
        free_mib=memory.free // MIB,
        utilisation_percent=None if utilisation is None else int(utilisation.gpu),
        temperature_c=_value(lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)),
        power_w=None if power is None else power / 1000,
        power_limit_w=None if limit is None else limit / 1000,
        processes=_processes(handle) if processes else None,
    )


def _processes(handle: Any) -> tuple[GpuProcess, ...] | None:
    import pynvml

    # Old drivers lack the newest call; each version has the same fields.
    for name in ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2"):
        found = _value(lambda name=name: getattr(pynvml, name)(handle))  # type: ignore[misc]
        if found is not None:
            return tuple(
                GpuProcess(int(p.pid), None if p.usedGpuMemory is None else int(p.usedGpuMemory) // MIB)
                for p in found
            )
    return None


def _value(query: Callable[[], T]) -> T | None:
    """The answer, or None. NVML also raises plain Python errors: for unknown symbols and for names that are no text."""
    try:
        return query()
    except Exception:
        return None


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value


def _words(error: Exception) -> str:
    code = getattr(error, "value", None)
    return MEANING.get(code, f"NVML: {error}") if isinstance(code, int) else f"NVML: {error}"
