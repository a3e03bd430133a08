"""Whether a waiting run may start, and where: in order, on a GPU no other run has, with the VRAM it needs free."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runner.gpu import CPU, Gpu, GpuReading
from runner.insight.figures import gib
from runner.queue.tickets import Ticket

# What a desktop takes of a card that is otherwise unused: so much in all, but of a small card no more than that share.
DESKTOP_MIB = 2048
DESKTOP_SHARE = 0.25
# On large cards, the driver's own share and other small things.
LITTLE = 0.1
# Memory that is the host's as well is never empty.
SHARED_FREE = 0.5


@dataclass(frozen=True)
class Place:
    """Where a run could go: a GPU, or the CPU with None. Memory in MiB, None where the driver does not tell. A GPU
    `has_twin` when another of this machine has the same name.
    """

    gpu: Gpu | None = None
    free_mib: int | None = None
    total_mib: int | None = None
    has_twin: bool = False

    @property
    def key(self) -> str:
        """What its lease is called."""
        return self.gpu.uuid if self.gpu is not None else CPU

    @property
    def name(self) -> str:
        if self.gpu is None:
            return "the CPU"
        name = self.gpu.name.removeprefix("NVIDIA ").removeprefix("GeForce ")
        return f"{name} (GPU {self.gpu.number})" if self.has_twin else name

    @property
    def is_empty(self) -> bool:
        """Whether nothing but what is always there uses its memory; also where the driver does not tell."""
        if self.total_mib is None or self.free_mib is None:
            return True
        if self.gpu is not None and self.gpu.shares_ram:
            return self.free_mib >= SHARED_FREE * self.total_mib
        little = max(LITTLE * self.total_mib, min(DESKTOP_MIB, DESKTOP_SHARE * self.total_mib))
        return self.total_mib - self.free_mib <= little


def places(ticket: Ticket, reading: GpuReading) -> list[Place]:
    """Where the ticket's run could go, the one with most free memory first; empty while no such GPU answers."""
    if ticket.gpu == CPU:
        return [Place()]
    names = [sample.gpu.name for sample in reading.samples]
    found = [
        Place(sample.gpu, sample.free_mib, sample.gpu.total_mib, names.count(sample.gpu.name) > 1)
        for sample in reading.samples
        if not sample.problem and ticket.gpu in (None, sample.gpu.uuid)
    ]
    return sorted(found, key=lambda place: -(place.free_mib or 0))


def could_take(ticket: Ticket, place: Place) -> bool:
    """Whether a run could ever go there, were it empty."""
    if ticket.gpu is not None or place.gpu is None:
        return ticket.gpu == place.key
    return ticket.need_mib is None or place.total_mib is None or ticket.need_mib <= place.total_mib


def lacking(ticket: Ticket, place: Place) -> str:
    """What memory is missing there, in words; empty when there is enough."""
    if place.gpu is None or place.free_mib is None:
        return ""
    if ticket.need_mib is not None:
        if place.free_mib >= ticket.need_mib:
            return ""
        shared = " (memory shared with the host)" if place.gpu.shares_ram else ""
        return (
            f"it needs {gib(ticket.need_mib)} GiB, and {gib(place.free_mib)} are free on {place.name}{shared}"
        )
    if place.is_empty:
        return ""
    free = f"{gib(place.free_mib)} GiB free"
    return f"its need is not known, so it waits until no other process uses {place.name} ({free})"


def before(place: Place, earlier: Iterable[tuple[str, Ticket]]) -> str:
    """The id of the first of those before it that could take this place too; empty when none could. Those that could
    never run there, and those that are paused, hold no run up.
    """
    return next((name for name, ticket in earlier if not ticket.paused and could_take(ticket, place)), "")


def no_place(ticket: Ticket, reading: GpuReading) -> str:
    """Why there is nowhere to go."""
    if ticket.gpu is None or not (reading.samples or reading.hidden):
        problem = reading.problem or next((sample.problem for sample in reading.samples), "")
        return f"no GPU answers: {problem}" if problem else "no GPU answers"
    found = next((sample for sample in reading.samples if sample.gpu.uuid == ticket.gpu), None)
    if any(one.uuid == ticket.gpu for one in reading.hidden):
        return f"GPU {ticket.gpu} is hidden by the CUDA_VISIBLE_DEVICES it was queued with"
    if found is None:
        return f"GPU {ticket.gpu} is not in this machine any more"
    return f"{found.gpu.name} does not answer: {found.problem}"
