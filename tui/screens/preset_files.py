"""What the workbench does with a preset's file: save, save as, rename, delete. It asks before something is lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tui.messages import SaveRefused
from tui.services import actions, drafts

if TYPE_CHECKING:
    from runner.store.directory import RunDirectory
    from tui.screens.editor import EditorScreen


class PresetFiles:
    """Asks, and lets threads do it. `waits` is the run whose frozen preset is edited, and not a file of the user."""

    def __init__(self, editor: EditorScreen, home: Path, waits: RunDirectory | None) -> None:
        self._editor, self._home, self._waits = editor, home, waits
        self._post = editor.post_message

    def save(self) -> None:
        """Write it to its file, or ask for a name where it has none."""
        if self._editor.draft.path is None:
            self.save_as()
        elif not self._editor.draft.is_dirty:
            self._editor.app.notify("There is nothing to save.")
            if self._editor.leave_when_saved:
                self._editor.dismiss()
        else:
            actions.save(self._post, self._editor.draft, None, force=False, waits=self._waits)

    def save_as(self) -> None:
        """Ask for a name and write it there."""
        from runner.preset.files import list_presets, own_folder
        from tui.screens.questions import NameDialog

        def answered(name: str | None) -> None:
            if name is not None:
                actions.save(
                    self._post, self._editor.draft, own_folder(self._home) / f"{name}.yaml", force=False
                )
            else:
                self._editor.leave_when_saved = False

        name = (
            self._editor.draft.name
            if self._editor.draft.path is None
            else drafts.free_name(self._home, self._editor.draft.name)
        )
        taken = [preset.name for preset in list_presets(self._home)]
        self._editor.app.push_screen(NameDialog("Save as", name, taken), answered)

    def ask_overwrite(self, message: SaveRefused) -> None:
        """Something would be lost by saving: ask."""
        from tui.screens.questions import ConfirmDialog

        def answered(answer: str | None) -> None:
            if answer == "o":
                actions.save(self._post, self._editor.draft, message.path, force=True, waits=self._waits)
            elif answer == "a":
                self.save_as()
            else:
                self._editor.leave_when_saved = False

        answers = [("o", "overwrite it"), ("a", "save under another name")]
        self._editor.app.push_screen(ConfirmDialog("Not saved", message.text, answers), answered)

    def rename(self) -> None:
        """Ask for another name for its file."""
        from runner.preset.files import list_presets
        from tui.screens.questions import NameDialog

        path = self._editor.draft.path
        if path is None:
            self.save_as()
            return

        def answered(name: str | None) -> None:
            if name is not None:
                actions.rename(self._post, self._editor.draft, path, path.with_name(f"{name}.yaml"))

        taken = [preset.name for preset in list_presets(self._home)]
        self._editor.app.push_screen(
            NameDialog("Rename", path.stem, [n for n in taken if n != path.stem]), answered
        )

    def delete(self) -> None:
        """Ask whether its file may go, saying what that breaks."""
        from runner.preset.files import extended_by
        from tui.screens.questions import ConfirmDialog

        path = self._editor.draft.path
        if path is None:
            self._editor.app.notify("It has no file yet.")
            return

        def answered(answer: str | None) -> None:
            if answer == "d":
                # It is left at once, so the app says what fails.
                actions.delete(self._editor.app.post_message, path)
                self._editor.dismiss()

        others = extended_by(path.stem, self._home)
        also = (
            f"\n{', '.join(others)} extend{'s' if len(others) == 1 else ''} it and would break."
            if others
            else ""
        )
        question = f"{path} would be gone for good.{also}"
        self._editor.app.push_screen(ConfirmDialog("Delete", question, [("d", "delete it")]), answered)
