"""What services tell the app, one frozen message each, named for what happened."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from runner.gpu import GpuReading
from runner.host import HostSample
from tui.state import PresetCard, RunRow, RunView


@dataclass
class RunsListed(Message):
    """The store was read; newest run first."""

    rows: tuple[RunRow, ...]


@dataclass
class PresetsListed(Message):
    """The preset folders were read."""

    cards: tuple[PresetCard, ...]


@dataclass
class RunChanged(Message):
    """The followed run has news."""

    view: RunView


@dataclass
class LoadSampled(Message):
    """GPUs and host were measured."""

    gpus: GpuReading
    host: HostSample


@dataclass
class RunLaunched(Message):
    """A run was started."""

    run_id: str


@dataclass
class ActionFailed(Message):
    """Something asked for did not work; `text` says what, where and what to do."""

    title: str
    text: str
