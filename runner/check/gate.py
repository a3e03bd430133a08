"""The gate before a launch: what would certainly fail is refused before anything is started."""

from __future__ import annotations

from pathlib import Path

from runner import gpu
from runner.check import xray
from runner.check.assess import Assessment, assess, best_card, card_of, this_machine, written_keys
from runner.preset.files import LoadedPreset
from runner.run import launch
from runner.run.launch import LaunchError


def pass_gate(loaded: LoadedPreset, home: Path, gpu_choice: str | None) -> Assessment:
    """Judge a preset for the GPU it will get, with its data looked at for some seconds at most. Raises LaunchError with
    everything the launch is refused for.
    """
    missing = launch.missing_files(loaded.preset)
    if missing or launch.missing_packages():
        # launch.launch says which, in its own words.
        return Assessment(loaded.preset)
    reading = gpu.read()
    chosen = launch.choose_gpu(reading, gpu_choice)
    card = next((card_of(sample) for sample in reading.samples if sample.gpu == chosen), None)
    machine = this_machine(card if gpu_choice is not None else card or best_card(reading))
    data = xray.quick(loaded.preset, home)
    found = assess(loaded.preset, machine, home, data, written_keys(loaded.origins))
    if found.refusals:
        lines = [f"{one.key}: {one.what}. {one.fix_text or one.why}" for one in found.refusals]
        raise LaunchError("\n".join(lines))
    return found
