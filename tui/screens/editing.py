"""The editor with what it needs around it: its drafts are assessed, their data looked at, their files written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from runner.gpu import GpuReading
from runner.insight.data import DataReport
from runner.insight.memory.cards import CARDS, Card
from runner.preset.draft import Draft
from runner.preset.errors import PresetError
from runner.preset.fields import field_named, from_text
from runner.preset.schema import Preset
from tui.messages import (
    DataSeen,
    DraftAssessed,
    EditorRequest,
    PageSeen,
    PathsSeen,
    PresetRenamed,
    PresetSaved,
    SaveRefused,
)
from tui.models.typed_path import PathQuestion, Wanted, standing
from tui.screens.data import DataScreen
from tui.screens.editor import EditorScreen
from tui.screens.preset_files import PresetFiles
from tui.screens.questions import PickDialog
from tui.services.assess import AssessService, DraftQuestion
from tui.services.paths import PathService
from tui.services.xray import XrayService
from tui.widgets.field_editor import FieldEditor
from tui.widgets.path_input import PathInput

if TYPE_CHECKING:
    from runner.store.directory import RunDirectory

# What is for presets alone, not for the frozen one of a run that waits.
OF_FILES = {EditorRequest.SAVE_AS, EditorRequest.RENAME, EditorRequest.DELETE, EditorRequest.LAUNCH}


class EditingScreen(EditorScreen):
    """One preset being edited; `waits` is the run whose frozen preset it is."""

    leads_to_launch = True

    def __init__(self, draft: Draft, home: Path, waits: RunDirectory | None = None) -> None:
        super().__init__(draft)
        self._home, self._waits = home, waits
        self.assess = AssessService(self.post_message, home)
        self.xray = XrayService(self.post_message, home)
        self.paths = PathService(self.post_message, standing())
        self.report: DataReport | None = None
        self.wanted_data: Preset | None = None
        self._files = PresetFiles(self, home, waits)
        self._data: DataScreen | None = None
        self._card: Card | None = None
        try:
            self._before: Preset | None = draft.snapshot().validated()
        except PresetError:
            self._before = None

    def on_mount(self) -> None:
        self.assess.start()
        self.xray.start()
        self.paths.start()

    def on_unmount(self) -> None:
        self.assess.stop()
        self.xray.stop()
        self.paths.stop()

    def watch_gpus(self, gpus: GpuReading | None) -> None:
        if gpus is not None:
            self.assess.take_gpus(gpus)

    # Drafts and their judgement

    def on_editor_screen_changed(self) -> None:
        self.assess.ask(DraftQuestion(self.number, self.draft.snapshot(), self._before, self._card))

    def on_draft_assessed(self, message: DraftAssessed) -> None:
        self.show_assessment(message)
        if message.assessment is not None and message.number == self.number:
            self.wanted_data = message.assessment.preset
            self.xray.want(self.wanted_data)

    def on_data_seen(self, message: DataSeen) -> None:
        if message.report == self.report:
            return
        self.report = message.report
        self.assess.take_data(message.report)
        sources = message.report.sources if message.report is not None else ()
        # None yet, or no more: news may come before there is anything to show them on, and after.
        for field in self.query(FieldEditor) if sources else ():
            field.columns = sources[0].columns
        if self._data is not None:
            self._data.report = message.report

    def on_page_seen(self, message: PageSeen) -> None:
        if self._data is not None:
            self._data.page = message.page

    # Paths that are typed

    def on_path_input_asked(self, message: PathInput.Asked) -> None:
        row = self.query_one(FieldEditor).row
        if row is not None:
            wanted = Wanted.MODEL if row.field.section == "model" else Wanted.DATA
            self.paths.ask(
                PathQuestion(message.text, wanted if row.field.hub else Wanted.FILE, completes=True)
            )

    def on_paths_seen(self, message: PathsSeen) -> None:
        self.query_one(FieldEditor).take(message.question.text, message.completed, message.entries)

    # What needs more than the draft

    def on_editor_screen_asked(self, message: EditorScreen.Asked) -> None:
        if self._waits is not None and message.request in OF_FILES:
            self.notify("It is a run that waits: save it (s), and it starts with that.", severity="warning")
            return
        answers: dict[EditorRequest, Callable[[], None]] = {
            EditorRequest.SAVE: self._files.save,
            EditorRequest.SAVE_AS: self._files.save_as,
            EditorRequest.RENAME: self._files.rename,
            EditorRequest.DELETE: self._files.delete,
            EditorRequest.LAUNCH: self._launch,
            EditorRequest.XRAY: self._show_data,
            EditorRequest.CARD: self._choose_card,
        }
        answers[message.request]()

    def on_preset_saved(self, message: PresetSaved) -> None:
        message.draft.was_saved(message.saving)
        broken = (
            f" It cannot be used yet: {next(iter(wrong))}." if (wrong := message.draft.problems()) else ""
        )
        self._written(f"{message.saving.target.name} is written.{broken}", "Saved")

    def on_preset_renamed(self, message: PresetRenamed) -> None:
        message.draft.moved_to(message.path)
        self._written(f"It is {message.path.name} now.", "Renamed")

    def _written(self, words: str, title: str) -> None:
        self.notify(words, title=title)
        self.changed()
        if self.leave_when_saved:
            self.dismiss()

    def on_action_failed(self) -> None:
        # A user who wanted to leave after it stays.
        self.leave_when_saved = False

    def on_save_refused(self, message: SaveRefused) -> None:
        self._files.ask_overwrite(message)

    def _launch(self) -> None:
        if self.draft.is_dirty or self.draft.path is None:
            self.notify("Save it first (s): a run has the settings of a file.", severity="warning")
        else:
            self.post_message(self.LaunchAsked(self.draft.path))

    def _show_data(self) -> None:
        if self.wanted_data is None:
            self.notify("The preset must be valid first.", severity="warning")
            return

        def left(_: None) -> None:
            self._data = None

        several = not isinstance(self.wanted_data.data.train_dataset, str)
        leave_out = None if several else self._leave_out
        self._data = DataScreen(self.draft.title, self.report, self.xray.fetch, leave_out)
        self.app.push_screen(self._data, left)

    def _leave_out(self, row: int) -> None:
        """A training row is not to be used."""
        setting = field_named("data.skip_rows")
        before = from_text(setting, self.draft.text(setting))
        self.draft.set_value(setting, sorted({*(before if isinstance(before, list) else ()), row}))
        self.notify(f"Row {row:,} is left out: data.skip_rows. There, u takes that back.", title="Changed")
        self.changed()

    def _choose_card(self) -> None:
        def answered(name: str | None) -> None:
            if name is not None:
                self._card = CARDS.get(name)
                self.changed()

        choices = [
            ("", "the GPU of this machine"),
            *((name, f"{name} · {one.total_mib / 1024:.0f} GiB") for name, one in CARDS.items()),
        ]
        self.app.push_screen(PickDialog("Judge for", "A card this preset is to run on.", choices), answered)
