"""The GPUs of this machine, as far as this process may use them. Every value the driver does not give is None, and
every problem a sentence; nothing here raises.

A card that is lost, forbidden or ill stays in the list with its problem: it must neither hide the others nor make a run
choose the CPU in silence. What CUDA_VISIBLE_DEVICES or Slurm leave out is apart (visible.py). Cards that need not be in
this machine: insight/memory/cards.py.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from runner import host, nvml, visible
from runner.nvml import MIB, Device

AMPERE = (8, 0)
NO_GPU = "no NVIDIA GPU"
# What chooses the CPU in place of a GPU: in `--gpu`, in a ticket, and as the key of its lease.
CPU = "cpu"
# Process utilisation is the highest sample of so many seconds: who asks does so at least that often.
PROCESS_SECONDS = 5.0


@dataclass(frozen=True)
class Gpu:
    """A device a run can have to itself: a card, or one MIG slice of it. `index` is the card's as nvidia-smi counts,
    `slice` the place of a MIG slice on it. total_mib is NVML's, driver share included; with `shares_ram` it is the
    host's own memory.
    """

    index: int
    uuid: str
    name: str
    total_mib: int | None = None
    compute_capability: tuple[int, int] | None = None
    is_mig: bool = False
    slice: int | None = None
    shares_ram: bool = False

    @property
    def number(self) -> str:
        """'1', or '1.0' for the first MIG slice of that card: what --gpu takes."""
        return str(self.index) if self.slice is None else f"{self.index}.{self.slice}"

    @property
    def has_bf16(self) -> bool | None:
        """Whether bf16 runs natively (Ampere and later); None when the capability is unknown."""
        return None if self.compute_capability is None else self.compute_capability >= AMPERE

    def as_record(self) -> dict[str, Any]:
        """What run.json says of it."""
        record = {"index": self.index, "uuid": self.uuid, "name": self.name, "total_mib": self.total_mib}
        return record | ({} if self.slice is None else {"slice": self.slice})


@dataclass(frozen=True)
class GpuProcess:
    """A process on a GPU; used_mib is None where the driver does not tell (containers, WSL)."""

    pid: int
    used_mib: int | None


@dataclass(frozen=True)
class GpuSample:
    """One GPU at one moment. `problem` is not empty when the GPU cannot be used. `processes` and
    `utilisation_by_pid` (percent in the last five seconds) are None where they were not asked for or are not told.
    """

    gpu: Gpu
    used_mib: int | None = None
    free_mib: int | None = None
    utilisation_percent: int | None = None
    temperature_c: int | None = None
    power_w: float | None = None
    processes: tuple[GpuProcess, ...] | None = None
    problem: str = ""
    utilisation_by_pid: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True)
class GpuReading:
    """All GPUs this process may use at one moment, in CUDA's order; `problem` says why there are none. `is_sick`: not
    because there is none, but because it or its driver or a setting is in the way. `hidden` are those that
    CUDA_VISIBLE_DEVICES leaves out, and `note` what that was taken to mean.
    """

    samples: tuple[GpuSample, ...] = ()
    driver: str | None = None
    problem: str = ""
    is_sick: bool = False
    hidden: tuple[Gpu, ...] = ()
    note: str = ""

    @property
    def healthy(self) -> tuple[GpuSample, ...]:
        return tuple(sample for sample in self.samples if not sample.problem)


# What a card was before it was lost: then the driver does not even tell its name.
_known: dict[tuple[int, int | None], Gpu] = {}


def read(processes: bool = False) -> GpuReading:
    """All GPUs now. Call it from a thread: a sick driver can take seconds to answer."""
    with nvml.lock:
        if trouble := nvml.start():
            return GpuReading(problem=trouble.words, is_sick=not trouble.is_absent)
        import pynvml

        driver = nvml.value(lambda: nvml.text(pynvml.nvmlSystemGetDriverVersion()))
        try:
            found = [(device, _sample(device, processes)) for device in nvml.devices()]
        except Exception as error:
            return GpuReading(driver=driver, problem=nvml.words(error), is_sick=True)
        if not found:
            return GpuReading(driver=driver, problem=NO_GPU)
        restricted = any(name in os.environ for name in (visible.CUDA, *visible.SLURM))
        names = [_named(device, sample) for device, sample in found] if restricted else []
    samples = [sample for _, sample in found]
    return (
        _permitted(GpuReading(tuple(samples), driver), names)
        if restricted
        else GpuReading(tuple(samples), driver)
    )


def read_one(uuid: str, processes: bool = False) -> GpuSample | str:
    """One GPU now, whatever CUDA_VISIBLE_DEVICES says, or in words why it cannot be found. The others are not asked."""
    with nvml.lock:
        if trouble := nvml.start():
            return trouble.words
        ill = []
        try:
            for device in nvml.devices():
                gpu = identify(device)
                if gpu.uuid == uuid:
                    return _sample(device, processes)
                if device.handle is None:
                    ill.append(f"GPU {gpu.number}: {device.problem}")
        except Exception as error:
            return nvml.words(error)
    return "; ".join(["this GPU is not there any more", *ill])


def cuda_version() -> str | None:
    """The newest CUDA the driver supports, as '13.0'."""
    with nvml.lock:
        if nvml.start():
            return None
        import pynvml

        number = nvml.value(pynvml.nvmlSystemGetCudaDriverVersion_v2)
        return None if number is None else f"{number // 1000}.{number % 1000 // 10}"


def _permitted(reading: GpuReading, names: Sequence[visible.Named]) -> GpuReading:
    """What Slurm and CUDA_VISIBLE_DEVICES leave of a reading."""
    said, outside = visible.outside_slurm(os.environ, names)
    samples = [
        replace(sample, problem=sample.problem or f"not given to this Slurm job ({said})")
        if n in outside
        else sample
        for n, sample in enumerate(reading.samples)
    ]
    left = visible.visible(os.environ, names)
    hidden = tuple(sample.gpu for n, sample in enumerate(samples) if n not in left.places)
    setting = f"{visible.CUDA}={os.environ.get(visible.CUDA, '')}"
    is_wish = left.refused in ("", "-1")
    note = left.assumed
    if not is_wish:
        note = f"{setting}: CUDA stops at {left.refused!r}, which names no GPU here, or one that was named before"
    problem = ""
    if not left.places:
        problem = f"{setting} hides every GPU" if is_wish else note
    return replace(
        reading,
        samples=tuple(samples[n] for n in left.places),
        problem=problem,
        is_sick=bool(problem) and not is_wish,
        hidden=hidden,
        note=note,
    )


def _named(device: Device, sample: GpuSample) -> visible.Named:
    import pynvml

    handle = device.whole
    card = (
        nvml.value(lambda: nvml.text(pynvml.nvmlDeviceGetUUID(handle))) if device.card is not None else None
    )
    return visible.Named(
        device.index,
        sample.gpu.uuid,
        sample.gpu.name,
        card or "",
        nvml.instances(device),
        nvml.speed(device) if handle is not None else 0,
        nvml.value(lambda: int(pynvml.nvmlDeviceGetMinorNumber(handle))) if handle is not None else None,
        device.problem == nvml.FORBIDDEN,
    )


def identify(device: Device) -> Gpu:
    """Which GPU it is, without its memory; as it was known before where the driver does not tell any more."""
    import pynvml

    key = (device.index, device.slice)
    uuid = nvml.value(lambda: nvml.text(pynvml.nvmlDeviceGetUUID(device.handle)))
    if device.handle is None or uuid is None:
        unknown = Gpu(device.index, "", "", is_mig=device.slice is not None, slice=device.slice)
        return _known.get(key) or replace(
            unknown, uuid=f"unknown-{unknown.number}", name=f"GPU {unknown.number}"
        )
    capability = nvml.value(lambda: pynvml.nvmlDeviceGetCudaComputeCapability(device.whole))
    return Gpu(
        device.index,
        uuid,
        nvml.name(device),
        compute_capability=(int(capability[0]), int(capability[1])) if capability else None,
        is_mig=device.slice is not None,
        slice=device.slice,
    )


def _sample(device: Device, processes: bool) -> GpuSample:
    gpu = identify(device)
    problem = device.problem
    if not problem and gpu.uuid.startswith("unknown-"):
        problem = "the driver does not tell which GPU this is"
    if problem:
        return GpuSample(gpu, problem=problem)
    try:
        gpu, used, free = _memory(device, gpu)
    except Exception as error:
        return GpuSample(_known.get((device.index, device.slice), gpu), problem=nvml.card_words(error))
    _known[device.index, device.slice] = gpu
    return _measured(device, GpuSample(gpu, used, free), processes)


def _memory(device: Device, gpu: Gpu) -> tuple[Gpu, int | None, int | None]:
    """The GPU with its total, and MiB used and free. A card without memory of its own (GB10, Jetson) says that it has
    no such value; it shares the host's. Raises NVMLError.
    """
    import pynvml

    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(device.handle)
        total, free = int(memory.total) // MIB, int(memory.free) // MIB
    except Exception as error:
        if not nvml.is_unsupported(error):
            raise
        total = free = 0
    if total:
        return replace(gpu, total_mib=total), (memory.total - memory.free) // MIB, free
    if device.slice is not None:
        size = nvml.slice_memory(device)
        return replace(gpu, total_mib=None if size is None else size // MIB), None, None
    used, total = host.memory_mib()
    return replace(gpu, total_mib=total, shares_ram=True), used, total - used


def _measured(device: Device, sample: GpuSample, processes: bool) -> GpuSample:
    """The sample with what else the driver tells. Of a MIG slice only its memory and its processes are its own; the
    heat is its card's.
    """
    import pynvml

    handle, value = device.handle, nvml.value
    utilisation = value(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle))
    power = value(lambda: pynvml.nvmlDeviceGetPowerUsage(handle)) if device.slice is None else None
    listed = nvml.processes(handle) if processes else None
    use = nvml.utilisation_by_process(handle, PROCESS_SECONDS) if processes and device.slice is None else None
    return replace(
        sample,
        utilisation_percent=None if utilisation is None else int(utilisation.gpu),
        temperature_c=value(
            lambda: pynvml.nvmlDeviceGetTemperature(device.whole, pynvml.NVML_TEMPERATURE_GPU)
        ),
        power_w=None if power is None else power / 1000,
        processes=None if listed is None else tuple(GpuProcess(pid, mib) for pid, mib in listed),
        utilisation_by_pid=None if use is None else tuple(use.items()),
    )
