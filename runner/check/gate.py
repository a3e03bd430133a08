"""The gate before a launch: what would certainly fail is refused before anything is started."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from runner import gpu
from runner.check import xray
from runner.check.assess import Assessment, assess, best_card, card_of, this_machine, written_keys
from runner.check.usable import ensure_usable
from runner.gpu_choice import choose_gpu
from runner.insight.figures import gib
from runner.insight.memory.cards import IDLE_MIB, Card
from runner.machine import training_stack
from runner.preset.files import LoadedPreset
from runner.store.errors import LaunchError
from runner.supervision import launch


def pass_gate(loaded: LoadedPreset, home: Path, gpu_choice: str | None, queued: bool = False) -> Assessment:
    """Judge a preset for the GPU it will get, with its data looked at for some seconds at most; for the queue as if the
    GPU were empty, and without a choice for the largest. Raises LaunchError with everything the launch is refused for;
    UnusableGpuError when the run would train on the CPU though there is a GPU, or fail on it.
    """
    missing = launch.missing_files(loaded.preset)
    if missing or training_stack.missing_packages():
        # launch.launch says which, in its own words.
        return Assessment(loaded.preset)
    ensure_usable(gpu.read(), gpu_choice, any_card=queued)
    card = _card_to_wait_for(gpu_choice) if queued else _card_now(gpu_choice)
    machine = this_machine(card)
    data = xray.quick(loaded.preset, home)
    found = assess(loaded.preset, machine, home, data, written_keys(loaded.origins))
    if found.refusals:
        lines = [f"{one.key}: {one.what}. {one.fix_text or one.why}" for one in found.refusals]
        raise LaunchError("\n".join(lines))
    if queued and (need := need_mib(found)) is not None and card is not None and need > card.free_mib:
        raise LaunchError(
            f"It needs {gib(need)} GiB, and {card.name} has {gib(card.free_mib)} when nothing else runs: "
            "it would wait forever. Take a smaller batch or shorter rows (`ftui check` says which), or --force."
        )
    return found


def _card_now(gpu_choice: str | None) -> Card | None:
    """The card a run would be given now. Raises LaunchError when there is none that was chosen."""
    reading = gpu.read()
    chosen = choose_gpu(reading, gpu_choice)
    card = next((card_of(sample) for sample in reading.samples if sample.gpu == chosen), None)
    return card if gpu_choice is not None else card or best_card(reading)


def _card_to_wait_for(gpu_choice: str | None) -> Card | None:
    """The card with most memory of those a run may wait for, as if it were empty. Raises LaunchError like the other."""
    reading = gpu.read()
    chosen = choose_gpu(reading, gpu_choice)
    cards = [
        replace(card, free_mib=max(card.free_mib, card.total_mib - IDLE_MIB))
        for sample in reading.samples
        if (gpu_choice is None or sample.gpu == chosen) and (card := card_of(sample)) is not None
    ]
    return max(cards, key=lambda card: card.free_mib, default=None)


def need_mib(found: Assessment) -> int | None:
    """The free VRAM to wait for: what is needed at most, or, where not even an empty card has that, most likely. None
    while that cannot be predicted, and for the CPU.
    """
    prediction = found.prediction
    if prediction is None:
        return None
    peaks = (prediction.train, prediction.evaluation)
    high = max(peak.high for peak in peaks)
    return math.ceil(high if high <= prediction.card.free_mib else max(peak.need for peak in peaks))
