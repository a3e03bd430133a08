"""Judges the newest draft: validation, arithmetic, memory, lint."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.gpu import GpuReading
from tui.messages import DraftAssessed
from tui.services.service import Post, Service

if TYPE_CHECKING:
    from runner.insight.data import DataReport
    from runner.insight.memory.cards import Card
    from runner.preset.draft import Snapshot
    from runner.preset.schema import Preset


@dataclass(frozen=True)
class DraftQuestion:
    """A draft to be assessed; `before` is the preset as it was opened, `card` a named card to assess it for instead."""

    number: int
    snapshot: Snapshot
    before: Preset | None = None
    card: Card | None = None


class AssessService(Service):
    """Posts DraftJudged for the newest question, at once; those it had no time for are passed over."""

    seconds = 3600.0

    def __init__(self, post: Post, home: Path) -> None:
        super().__init__(post)
        self._home = home
        self._question: DraftQuestion | None = None
        self._data: DataReport | None = None
        self._gpus: GpuReading | None = None
        self._change = threading.Lock()

    def ask(self, question: DraftQuestion | None) -> None:
        """Judge this draft now; None for none."""
        with self._change:
            self._question = question
        self.nudge()

    def take_data(self, report: DataReport | None) -> None:
        """Use this report of the data from now on."""
        with self._change:
            self._data = report
        self.nudge()

    def take_gpus(self, gpus: GpuReading) -> None:
        """Judge for the GPUs as they are now; not worth a new judgement of its own."""
        with self._change:
            first = self._gpus is None
            self._gpus = gpus
        if first:
            self.nudge()

    def look(self) -> None:
        with self._change:
            question, data, gpus = self._question, self._data, self._gpus
        if question is None:
            return
        # The stack of judgement is a tenth of a second to import: not before the user edits.
        from runner.check.assess import assess, best_card, this_machine
        from runner.preset.errors import PresetError

        try:
            preset = question.snapshot.validated()
        except PresetError as error:
            self.post(DraftAssessed(question.number, {p.key: p.what for p in error.problems}, None))
            return
        card = question.card or best_card(gpus)
        found = assess(
            preset,
            this_machine(card),
            self._home,
            data if data is not None and fits(data, preset) else None,
            question.snapshot.written,
            question.before,
        )
        self.post(DraftAssessed(question.number, {}, found))


def fits(data: DataReport, preset: Preset) -> bool:
    """Whether a report is of the data of this preset; one made with other settings is better than none meanwhile."""
    from runner.preset.data_sources import own_places

    if data.problem:
        return True
    return bool(data.sources) and data.sources[0].place == own_places(preset.data)[0]
