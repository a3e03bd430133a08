"""Which GPUs CUDA may use here, by its own rules (CUDA C++ Programming Guide, "CUDA Environment Variables"), and which
a Slurm job was given. Pure: names in, places out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CUDA = "CUDA_VISIBLE_DEVICES"
ORDER = "CUDA_DEVICE_ORDER"
SLURM = ("SLURM_STEP_GPUS", "SLURM_JOB_GPUS")

# What C's strtoul takes of "1gpu": CUDA reads its numbers so.
_NUMBER = re.compile(r"\s*([+-]?\d+)")
_OLD_SLICE = re.compile(r"MIG-(GPU-[^/]+)/(\d+)/(\d+)$")


@dataclass(frozen=True)
class Named:
    """What a GPU can be called by: `card` is its number among cards as nvidia-smi counts them, `uuid` its own, with
    `card_uuid` and `instances` (GPU and compute instance) the older name of a MIG slice. `speed` orders cards where
    CUDA counts the fastest first; `is_forbidden` are those that CUDA does not count at all.
    """

    card: int
    uuid: str
    name: str = ""
    card_uuid: str = ""
    instances: tuple[int, int] | None = None
    speed: int = 0
    minor: int | None = None
    is_forbidden: bool = False


@dataclass(frozen=True)
class Visible:
    """The places of those that may be used, in CUDA's order; `refused` is the entry at which CUDA stops reading, and
    `assumed` what had to be taken for granted.
    """

    places: tuple[int, ...]
    refused: str = ""
    assumed: str = ""


def visible(environment: Mapping[str, str], gpus: Sequence[Named]) -> Visible:
    """What CUDA_VISIBLE_DEVICES leaves of the GPUs: all of them where it is not set."""
    text = environment.get(CUDA)
    if text is None:
        return Visible(tuple(range(len(gpus))))
    entries = text.split(",") if text.strip() else []
    by_uuid = entries[:1] and entries[0].strip().startswith(("GPU-", "MIG-"))
    cards = [] if by_uuid else _order(environment, gpus)
    found: list[tuple[int, ...]] = []
    refused = ""
    for entry in entries:
        places = _by_uuid(entry.strip(), gpus) if by_uuid else _by_number(entry, cards, gpus)
        if not places:
            refused = entry.strip()
            break
        if places in found:
            # CUDA answers a repeated device with none at all.
            return Visible((), entry.strip())
        found.append(places)
    taken = tuple(place for places in found for place in places)
    return Visible(taken, refused, "" if by_uuid else _assumed(environment, gpus, cards))


def _by_uuid(entry: str, gpus: Sequence[Named]) -> tuple[int, ...]:
    """The GPU whose UUID begins so, when there is one only; a card's UUID stands for all its slices."""
    if old := _OLD_SLICE.match(entry):
        wanted = (int(old[2]), int(old[3]))
        return tuple(n for n, one in enumerate(gpus) if one.card_uuid == old[1] and one.instances == wanted)
    if entry.startswith("MIG-"):
        found = [n for n, one in enumerate(gpus) if one.uuid.startswith(entry)]
        return tuple(found) if len(found) == 1 else ()
    if not entry.startswith("GPU-"):
        return ()
    cards = {one.card for one in gpus if (one.card_uuid or one.uuid).startswith(entry)}
    return tuple(n for n, one in enumerate(gpus) if one.card in cards) if len(cards) == 1 else ()


def _by_number(entry: str, cards: Sequence[int], gpus: Sequence[Named]) -> tuple[int, ...]:
    number = _NUMBER.match(entry)
    place = int(number[1]) if number else -1
    if not 0 <= place < len(cards):
        return ()
    return tuple(n for n, one in enumerate(gpus) if one.card == cards[place])


def _order(environment: Mapping[str, str], gpus: Sequence[Named]) -> list[int]:
    """The numbers of the cards in the order in which CUDA counts them."""
    seen = {one.card: one for one in gpus if not one.is_forbidden}
    if environment.get(ORDER) == "PCI_BUS_ID":
        return sorted(seen)
    return sorted(seen, key=lambda card: (-seen[card].speed, card))


def _assumed(environment: Mapping[str, str], gpus: Sequence[Named], cards: Sequence[int]) -> str:
    """CUDA's order of unlike cards is its own: what it was taken to be is said."""
    names = {one.card: one.name for one in gpus if one.card in cards}
    if environment.get(ORDER) == "PCI_BUS_ID" or len(set(names.values())) < 2:
        return ""
    order = ", ".join(f"{place} = {names[card]} (GPU {card})" for place, card in enumerate(cards))
    return (
        f"{CUDA} counts the fastest card first unless {ORDER}=PCI_BUS_ID; it is taken to mean {order}. "
        "UUIDs leave no doubt (`nvidia-smi -L`)."
    )


def outside_slurm(environment: Mapping[str, str], gpus: Sequence[Named]) -> tuple[str, frozenset[int]]:
    """What Slurm says ('SLURM_JOB_GPUS=2,3'), and the places of the GPUs that are not in that job. Slurm counts by the
    minor number of the device file. Nothing where cgroups have hidden the others already, and for MIG slices, which
    Slurm counts in a way of its own.
    """
    name = next((one for one in SLURM if environment.get(one)), "")
    wanted = _numbers(environment.get(name, ""))
    usable = [one for one in gpus if not one.is_forbidden]
    if not wanted or len(usable) <= len(wanted) or any(one.instances or one.card_uuid for one in gpus):
        return "", frozenset()
    numbers = [one.card if one.minor is None else one.minor for one in gpus]
    if not wanted <= set(numbers):
        return "", frozenset()
    return f"{name}={environment[name]}", frozenset(n for n, one in enumerate(numbers) if one not in wanted)


def _numbers(text: str) -> set[int]:
    """Of '0,2-3'; empty where anything else is in it."""
    found: set[int] = set()
    for part in text.split(","):
        span = re.fullmatch(r"\s*(\d{1,4})(?:-(\d{1,4}))?\s*", part)
        if span is None:
            return set()
        found |= set(range(int(span[1]), int(span[2] or span[1]) + 1))
    return found
