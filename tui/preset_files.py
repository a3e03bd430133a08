"""What the workbench does with a preset's file: save, save as, rename, delete. It asks before something is lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App

from tui.messages import SaveRefused
from tui.services import actions, drafts

if TYPE_CHECKING:
    from runner.store.directory import RunDirectory
    from tui.screens.editor import EditorScreen


class PresetFiles:
    """Asks, and lets threads do it."""

    def __init__(self, app: App[None], home: Path) -> None:
        self._app, self._home, self._post = app, home, app.post_message
        # The run that waits, while its preset is edited and not a file of the user.
        self.waits: RunDirectory | None = None

    def save(self, editor: EditorScreen) -> None:
        """Write it to its file, or ask for a name where it has none."""
        if editor.draft.path is None:
            self.save_as(editor)
        elif not editor.draft.is_dirty:
            self._app.notify("There is nothing to save.")
            if editor.leave_when_saved:
                editor.dismiss()
        else:
            actions.save(self._post, editor.draft, None, force=False, waits=self.waits)

    def save_as(self, editor: EditorScreen) -> None:
        """Ask for a name and write it there."""
        from runner.preset.files import list_presets, own_folder
        from tui.screens.questions import NameDialog

        def answered(name: str | None) -> None:
            if name is not None:
                actions.save(self._post, editor.draft, own_folder(self._home) / f"{name}.yaml", force=False)
            else:
                editor.leave_when_saved = False

        name = (
            editor.draft.name
            if editor.draft.path is None
            else drafts.free_name(self._home, editor.draft.name)
        )
        taken = [preset.name for preset in list_presets(self._home)]
        self._app.push_screen(NameDialog("Save as", name, taken), answered)

    def ask_overwrite(self, editor: EditorScreen, message: SaveRefused) -> None:
        """Something would be lost by saving: ask."""
        from tui.screens.questions import ConfirmDialog

        def answered(answer: str | None) -> None:
            if answer == "o":
                actions.save(self._post, editor.draft, message.path, force=True, waits=self.waits)
            elif answer == "a":
                self.save_as(editor)
            else:
                editor.leave_when_saved = False

        answers = [("o", "overwrite it"), ("a", "save under another name")]
        self._app.push_screen(ConfirmDialog("Not saved", message.text, answers), answered)

    def rename(self, editor: EditorScreen) -> None:
        """Ask for another name for its file."""
        from runner.preset.files import list_presets
        from tui.screens.questions import NameDialog

        path = editor.draft.path
        if path is None:
            self.save_as(editor)
            return

        def answered(name: str | None) -> None:
            if name is not None:
                actions.rename(self._post, editor.draft, path, path.with_name(f"{name}.yaml"))

        taken = [preset.name for preset in list_presets(self._home)]
        self._app.push_screen(NameDialog("Rename", path.stem, [n for n in taken if n != path.stem]), answered)

    def delete(self, editor: EditorScreen) -> None:
        """Ask whether its file may go, saying what that breaks."""
        from runner.preset.files import extended_by
        from tui.screens.questions import ConfirmDialog

        path = editor.draft.path
        if path is None:
            self._app.notify("It has no file yet.")
            return

        def answered(answer: str | None) -> None:
            if answer == "d":
                actions.delete(self._post, path)
                editor.dismiss()

        others = extended_by(path.stem, self._home)
        also = (
            f"\n{', '.join(others)} extend{'s' if len(others) == 1 else ''} it and would break."
            if others
            else ""
        )
        question = f"{path} would be gone for good.{also}"
        self._app.push_screen(ConfirmDialog("Delete", question, [("d", "delete it")]), answered)
