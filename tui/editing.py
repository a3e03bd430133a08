"""The app's part in editing: opens the workbench, hands its drafts to the services and their answers to it."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App

from tui.messages import DataSeen, DraftJudged, PageSeen, PresetRenamed, PresetSaved, SaveRefused
from tui.preset_files import PresetFiles
from tui.services import drafts
from tui.services.judge import JudgeService, Question
from tui.services.xray import XrayService

if TYPE_CHECKING:
    from runner.insight.memory.cards import Card
    from runner.preset.draft import Draft
    from runner.preset.schema import Preset
    from runner.store.directory import RunDirectory
    from tui.screens.data import DataScreen
    from tui.screens.editor import EditorScreen

# What is for presets alone, not for the frozen one of a run that waits.
OF_FILES = {"save_as", "rename", "delete", "launch"}


class Editing:
    """One preset is edited at a time. Nothing of the schema is imported before the first one."""

    def __init__(
        self,
        app: App[None],
        home: Path,
        launch: Callable[[Path], None],
        relist: Callable[[], None],
        opened: Callable[[], None] = lambda: None,
    ) -> None:
        self._app = app
        self._post = post = app.post_message
        self._ask_launch = launch
        self._relist = relist
        self._opened = opened
        self._home = home
        self.judge = JudgeService(post, home)
        self.xray = XrayService(post, home)
        self.editor: EditorScreen | None = None
        self.data: DataScreen | None = None
        self._files = PresetFiles(app, home)
        self._opening = False
        self._report: Any = None
        self._before: Preset | None = None
        self._card: Card | None = None
        self._wanted_data: Preset | None = None
        self._when_left: Callable[[], None] | None = None

    # Opening and leaving

    def edit(self, path: Path, shipped: bool) -> None:
        """Edit a preset's file; of a shipped one a new preset that extends it."""
        self._open_in_thread(lambda: drafts.of_file(self._home, path, shipped))

    def edit_waiting(self, run: RunDirectory, when_left: Callable[[], None]) -> None:
        """Edit the frozen preset of a run that waits; `when_left` is called when that is over, or cannot be."""
        if self._opening or self.editor is not None:
            when_left()
            return
        self._when_left, self._files.waits = when_left, run
        self._open_in_thread(lambda: drafts.of_waiting(self._home, run))

    def after_run(self, made: Callable[[Path], Draft]) -> None:
        """Edit a new preset made from a run."""
        self._open_in_thread(lambda: made(self._home))

    def _open_in_thread(self, made: Callable[[], Draft]) -> None:
        """Reading YAML and importing the schema take longer than a key press may."""
        if self._opening or self.editor is not None:
            return
        self._opening = True

        def work() -> None:
            from runner.preset.errors import PresetError
            from runner.preset.fields import fields

            try:
                draft = made()
                fields()
                importlib.import_module("tui.screens.editor")
            except (PresetError, OSError) as error:
                words = str(error.problems[0]) if isinstance(error, PresetError) else str(error)
                self._app.call_from_thread(
                    self._app.notify, words, title="Cannot be edited", severity="error", timeout=15
                )
                self._app.call_from_thread(self._leave)
            else:
                self._app.call_from_thread(self.open, draft)
            finally:
                self._opening = False

        threading.Thread(target=work, name="open preset", daemon=True).start()

    def open(self, draft: Draft) -> None:
        """Show the workbench."""
        from runner.preset.errors import PresetError
        from tui.screens.editor import EditorScreen

        try:
            self._before = draft.snapshot().validated()
        except PresetError:
            self._before = None
        self._report, self._card, self._wanted_data = None, None, None
        self.judge.take_data(None)
        self.editor = EditorScreen(draft)
        self._app.push_screen(self.editor, self._left)
        self._opened()

    def _left(self, _: None) -> None:
        self.editor = None
        self.judge.ask(None)
        self.xray.want(None)
        self._relist()
        self._leave()

    def _leave(self) -> None:
        when_left, self._when_left, self._files.waits = self._when_left, None, None
        if when_left is not None:
            when_left()

    # Drafts and their judgement

    def ask(self) -> None:
        """Have the newest draft judged."""
        if self.editor is not None:
            number, snapshot = self.editor.number, self.editor.draft.snapshot()
            self.judge.ask(Question(number, snapshot, self._before, self._card))

    def judged(self, message: DraftJudged) -> None:
        """Show a judgement, and look at the data of a valid draft."""
        if self.editor is None or not self.editor.is_attached:
            return
        self.editor.judged(message)
        if message.assessment is not None and message.number == self.editor.number:
            self._wanted_data = message.assessment.preset
            self.xray.want(self._wanted_data)

    def data_seen(self, message: DataSeen) -> None:
        if message.report == self._report:
            return
        self._report = message.report
        self.judge.take_data(message.report)
        if self.data is not None:
            self.data.report = message.report

    def page_seen(self, message: PageSeen) -> None:
        if self.data is not None:
            self.data.page = message.page

    # What the editor asks for

    def grant(self, wish: str) -> None:
        """Do what the editor asks for."""
        if self.editor is None:
            return
        wishes: dict[str, Callable[[EditorScreen], None]] = {
            "save": self._files.save,
            "save_as": self._files.save_as,
            "rename": self._files.rename,
            "delete": self._files.delete,
            "launch": self._launch,
            "xray": self._show_data,
            "card": self._choose_card,
        }
        if self._when_left is not None and wish in OF_FILES:
            self._app.notify(
                "It is a run that waits: save it (s), and it starts with that.", severity="warning"
            )
            return
        wishes[wish](self.editor)

    def saved(self, message: PresetSaved) -> None:
        """A file was written."""
        message.draft.was_saved(message.saving)
        broken = (
            f" It cannot be used yet: {next(iter(wrong))}." if (wrong := message.draft.problems()) else ""
        )
        self._written(message.draft, f"{message.saving.target.name} is written.{broken}", "Saved")

    def renamed(self, message: PresetRenamed) -> None:
        """A file has another name."""
        message.draft.moved_to(message.path)
        self._written(message.draft, f"It is {message.path.name} now.", "Renamed")

    def _written(self, draft: Draft, words: str, title: str) -> None:
        self._app.notify(words, title=title)
        self._relist()
        editor = self.editor
        if editor is None or editor.draft is not draft:
            return
        editor.changed()
        if editor.leave_when_saved:
            editor.dismiss()

    def failed(self) -> None:
        """Something asked for did not work: a user who wanted to leave after it stays."""
        if self.editor is not None:
            self.editor.leave_when_saved = False

    def refused(self, message: SaveRefused) -> None:
        """Something would have been lost: ask."""
        if self.editor is not None and self.editor.draft is message.draft:
            self._files.ask_overwrite(self.editor, message)

    def _launch(self, editor: EditorScreen) -> None:
        if editor.draft.is_dirty or editor.draft.path is None:
            self._app.notify("Save it first (s): a run has the settings of a file.", severity="warning")
        else:
            self._ask_launch(editor.draft.path)

    def _show_data(self, editor: EditorScreen) -> None:
        from tui.screens.data import DataScreen

        if self._wanted_data is None:
            self._app.notify("The preset must be valid first.", severity="warning")
            return

        def left(_: None) -> None:
            self.data = None

        self.data = DataScreen(editor.draft.title, self._report)
        self._app.push_screen(self.data, left)

    def _choose_card(self, editor: EditorScreen) -> None:
        from runner.insight.memory.cards import CARDS
        from tui.screens.questions import PickDialog

        def answered(name: str | None) -> None:
            if name is not None:
                self._card = CARDS.get(name)
                editor.changed()

        choices = [
            ("", "the GPU of this machine"),
            *((name, f"{name} · {card.total_mib / 1024:.0f} GiB") for name, card in CARDS.items()),
        ]
        self._app.push_screen(PickDialog("Judge for", "A card this preset is to run on.", choices), answered)
