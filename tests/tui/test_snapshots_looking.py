"""Pictures of the screens that look at runs; `pytest --snapshot-update` renews them after a change that is meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from runner.gpu import Gpu, GpuReading, GpuSample
from runner.host import HostSample
from runner.store.directory import RunDirectory, runs_folder
from tests.run.scenes import add, end
from tests.tui.conftest import OVERFIT, shows, until
from tests.tui.made import rewarded, sample, several_sets
from tui.app import FtuiApp
from tui.screens.compare import CompareScreen
from tui.screens.evidence import EvidenceScreen
from tui.screens.log import LogScreen
from tui.screens.main import MainScreen
from tui.screens.samples import SamplesScreen

SIZES = [(80, 24), (120, 40), (200, 50)]
CARD = Gpu(0, "GPU-1", "NVIDIA GeForce RTX 4090", 24576, (8, 9))
READING = GpuReading((GpuSample(CARD, 14541, 10035, 97, 66, 390.0),), "580.1")
# Key, screen, words that are on it when it is done.
SCREENS: dict[str, tuple[str, type[Screen[None]], tuple[str, ...]]] = {
    "main": ("", MainScreen, ("RTX 4090", "qlora-quickstart", "step 240/240")),
    "evidence": ("v", EvidenceScreen, ("best held-out loss", "change since the best")),
    "samples": ("a", SamplesScreen, ("step 240", "words in a row")),
    "compare": ("c", CompareScreen, ("1.8226 @48", "single rows were not kept")),
    "log": ("g", LogScreen, ("Log of demo-overfit", "step 240")),
}
# Runs that are made of events, and words that are on the main screen when they are shown.
MADE = {
    "sets": (several_sets, ("◆ chat", "■ code", "OVERFITTING since step 30")),
    "reward": (rewarded, ("─ reward", "Verdict: healthy")),
}
STREETS = "Which streets lead to the harbour?"
ANSWERS = {
    0: "the the the of the",
    48: "Mill Street and Harbour Lane lead there, and so does the quay.",
    240: "Mill Street, Harbour Lane and Rope Walk, which is closed on Sundays for the market.",
}


@pytest.fixture
def pictured(store: Path) -> RunDirectory:
    """The recorded run that overfits, with answers to two prompts; the last one is copied."""
    run = RunDirectory(runs_folder(store) / OVERFIT)
    for at, words in ANSWERS.items():
        copied = {"row": [0, 11], "start": 13, "end": 67, "words": 10} if at == 240 else None
        add(
            run,
            sample(
                at, 0, words, prompt=STREETS, expected="Mill Street and Harbour Lane.", copied=copied, t=1e9
            ),
            sample(at, 1, f"It opens at {at % 24}.", prompt="When does the museum open?", t=1e9),
        )
    add(run, *end("finished"))
    return run


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCREENS)
def test_looking(
    pictured: RunDirectory,
    snap_compare: object,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    size: tuple[int, int],
) -> None:
    monkeypatch.setattr("runner.gpu.read", lambda processes=False: READING)
    monkeypatch.setattr("runner.host.read", lambda: HostSample(12.0, 14000, 129000))
    key, kind, words = SCREENS[name]

    async def settled(pilot: Pilot[None]) -> None:
        await shows(pilot, "OVERFITTING since step 48", *SCREENS["main"][2])
        if key:
            await pilot.press(key)
        await until(pilot, lambda: isinstance(pilot.app.screen, kind))
        await shows(pilot, *words)
        await pilot.pause(0.4)

    assert snap_compare(FtuiApp(), terminal_size=size, run_before=settled)  # type: ignore[operator]


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("kind", MADE)
def test_other_kinds_of_runs(
    home: Path, snap_compare: object, monkeypatch: pytest.MonkeyPatch, kind: str, size: tuple[int, int]
) -> None:
    monkeypatch.setattr("runner.gpu.read", lambda processes=False: READING)
    monkeypatch.setattr("runner.host.read", lambda: HostSample(12.0, 14000, 129000))
    make, words = MADE[kind]
    make(home)

    async def settled(pilot: Pilot[None]) -> None:
        await shows(pilot, "RTX 4090", "qlora-quickstart", *words)
        await pilot.pause(0.4)

    assert snap_compare(FtuiApp(), terminal_size=size, run_before=settled)  # type: ignore[operator]
