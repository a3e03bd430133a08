"""A driver that is slow, ill, or was stopped together with its reader is not one that hangs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from runner import nvml
from runner.gpu import Gpu, GpuSample
from runner.supervision import gpu_reader
from runner.supervision.gpu_reader import HANGS, GpuReader
from tests.conftest import wait_for

CARD = Gpu(0, "GPU-1", "NVIDIA H100", 81559)
WELL = GpuSample(CARD, 100, 81459)


class Driver:
    """Answers `gpu.read_one` after so many seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.error: Exception | None = None
        monkeypatch.setattr("runner.gpu.read_one", self.read)
        monkeypatch.setattr(gpu_reader, "SECONDS", 0.02)
        monkeypatch.setattr(gpu_reader, "HANGS_AFTER_SECONDS", 2.0)

    def read(self, uuid: str, processes: bool = False) -> GpuSample:
        until = time.monotonic() + self.seconds
        while time.monotonic() < until and self.seconds:
            time.sleep(0.01)
        if self.error is not None:
            raise self.error
        return WELL


def started() -> GpuReader:
    reader = GpuReader(CARD.uuid)
    reader.start()
    wait_for(lambda: reader.newest(1).get("used_mib") == 100, 10, "it reads")
    return reader


def problems(reader: GpuReader, seconds: float) -> set[Any]:
    """What is said while it is looked at for so long."""
    found, until = set(), time.monotonic() + seconds
    while time.monotonic() < until:
        found.add(reader.newest(1).get("problem"))
        time.sleep(0.02)
    return found


def test_a_slow_driver_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(monkeypatch)
    reader = started()
    driver.seconds = 1.2
    assert problems(reader, 5) == {""}


def test_one_that_hangs_is_said_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(monkeypatch)
    reader = started()
    driver.seconds = 60
    assert problems(reader, 4) == {"", HANGS}
    driver.seconds = 0
    wait_for(lambda: reader.newest(1).get("problem") == "", 10, "it is back")


def test_a_process_that_was_stopped_does_not_blame_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(monkeypatch)
    reader = started()
    reader.newest(1)
    # As if the thread had slept too.
    driver.seconds = 4
    time.sleep(3)
    assert problems(reader, 0.5) == {""}


def test_the_first_reading_of_many_cards_may_take_its_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without persistence mode the start of NVML wakes every card, one after the other."""
    driver = Driver(monkeypatch, seconds=60)
    for card in range(8):
        (tmp_path / f"0000:{card:02}:00.0").mkdir()
    monkeypatch.setattr(nvml, "DRIVER_CARDS", tmp_path)
    monkeypatch.setattr(gpu_reader, "PER_CARD_SECONDS", 0.2)
    reader = GpuReader(CARD.uuid)
    # The reader's own clock begins at its start, not after it.
    began = time.monotonic()
    reader.start()
    said = wait_for(lambda: reader.newest(1).get("problem"), 10, "it is said")
    assert time.monotonic() - began >= 2.0 + 7 * 0.2
    assert said == f"{HANGS}: not within 3 s, which 8 GPUs without persistence mode may need"
    driver.seconds = 0
    wait_for(lambda: reader.newest(1).get("used_mib") == 100, 10, "it is back")
    # From now on they are awake.
    driver.seconds = 60
    assert wait_for(lambda: reader.newest(1).get("problem"), 10, "it is said") == HANGS


def test_an_error_is_said_and_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(monkeypatch)
    reader = started()
    driver.error = FileNotFoundError("no driver file")
    wait_for(lambda: "no driver file" in str(reader.newest(1).get("problem")), 10, "it is said")
    driver.error = None
    wait_for(lambda: reader.newest(1).get("used_mib") == 100, 10, "it is back")
