"""What services tell the screen they work for, one frozen message each, named for what happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from runner.gpu import GpuReading
from runner.host import HostSample
from tui.models.data_page import DataPage
from tui.models.queue_view import QueueView
from tui.models.run_view import PresetCard, RunRow, RunView
from tui.models.typed_path import PathEntry, PathQuestion

if TYPE_CHECKING:
    # A tenth of a second to import, and needed only for editing.
    from runner.check.assess import Assessment
    from runner.commands.first_run import FirstRun
    from runner.insight.data import DataReport
    from runner.preset.draft import Draft, Saving
    from runner.report.comparison import Compared


class EditorRequest(StrEnum):
    """What the editor asks of the app."""

    SAVE = "save"
    SAVE_AS = "save_as"
    RENAME = "rename"
    DELETE = "delete"
    LAUNCH = "launch"
    XRAY = "xray"
    CARD = "card"


@dataclass
class RunsListed(Message):
    """The store was read; newest run first."""

    rows: tuple[RunRow, ...]


@dataclass
class QueueRead(Message):
    """The queue was read."""

    queue: QueueView


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
    """A run was started; `words` say more than that."""

    run_id: str
    words: str = ""


@dataclass
class Done(Message):
    """Something asked for was done."""

    title: str
    text: str


@dataclass
class DraftAssessed(Message):
    """A draft was validated and assessed; `problems` are by 'section.key', and with any there is no assessment.

    `number` is the draft's, so that an answer to an older one can be told from the newest.
    """

    number: int
    problems: Mapping[str, str]
    assessment: Assessment | None


@dataclass
class DataSeen(Message):
    """The X-ray of the data has news; None when it begins with other data."""

    report: DataReport | None


@dataclass
class PageSeen(Message):
    """A row of the data as the model sees it."""

    page: DataPage


@dataclass
class PresetSaved(Message):
    """A draft was written to a file."""

    draft: Draft
    saving: Saving


@dataclass
class PresetRenamed(Message):
    """The file of a draft has another name now."""

    draft: Draft
    path: Path


@dataclass
class SaveRefused(Message):
    """A draft was not written because something would have been lost; `text` says what."""

    draft: Draft
    path: Path
    text: str


@dataclass
class RowsFound(Message):
    """The data rows of some steps of a run, and their text where it was asked for."""

    rows: Mapping[int, list[tuple[int, int]]]
    texts: Mapping[tuple[int, int], str]


@dataclass
class LogRead(Message):
    """The whole log of a run was read."""

    path: str
    lines: tuple[str, ...]


@dataclass
class RunsCompared(Message):
    """Runs were read for comparing; the first is the one the others are held against."""

    runs: tuple[Compared, ...]


@dataclass
class PathsSeen(Message):
    """What begins like a text; `completed` is the text with all that they have in common."""

    question: PathQuestion
    completed: str
    entries: tuple[PathEntry, ...]


@dataclass
class RunProposed(Message):
    """A file of rows was looked at; `models` are (name, words) of those that could be trained instead."""

    first: FirstRun
    models: tuple[tuple[str, str], ...]


@dataclass
class ProposalFailed(Message):
    """No run can be proposed; `text` says in two lines why, and what to do."""

    text: str


@dataclass
class ActionFailed(Message):
    """Something asked for did not work; `text` says what, where and what to do."""

    title: str
    text: str
