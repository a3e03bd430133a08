"""A new preset: from one's own rows, on top of another, or with the settings of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from tui.glyphs import plain
from tui.models.run_view import PresetCard
from tui.models.typed_path import standing
from tui.screens import run_control
from tui.screens.data_file import DataFileDialog
from tui.screens.dialog import Dialog, only_place
from tui.screens.next_preset import edit_next
from tui.screens.proposal import Wish
from tui.screens.workbench import open_draft
from tui.services import actions

if TYPE_CHECKING:
    from runner.commands.first_run import FirstRun
    from tui.screens.main import MainScreen


class OwnRun:
    """From a file of rows to a run, over the main screen; paths are relative to where one stands."""

    def __init__(self, main: MainScreen, home: Path) -> None:
        self.home, self.where = home, standing()
        self._main = main

    def expect_launch(self) -> None:
        """A launch is to be expected soon."""
        self._main.warm.prepare(soon=True)

    def follow(self, wish: Wish) -> None:
        """Do what is wished of a proposal."""
        if wish.launches:
            self._launch(wish.first)
        else:
            open_draft(self._main.app, self.home, lambda: wish.first.draft(self.home))

    def _launch(self, first: FirstRun) -> None:
        """Write the preset and launch it: at once where there is nothing to choose, else on the place that is said."""
        main, app = self._main, self._main.app

        def written(card: PresetCard) -> None:
            main.presets.nudge()
            place = None if first.runs_out else only_place(main.gpus)
            if place is None:
                main.ask_launch(card)
            else:
                run_control.launch(app, self.home, card, place, main.warm)

        def work() -> None:
            from tui.services.presets import card

            path = first.save(self.home)
            app.call_from_thread(written, card(path.stem, path, False, self.home))

        actions.in_thread(app.post_message, "Not saved", work)


class NewDialog(Dialog[str | None]):
    """What is a new preset made from? Answers with `preset` or `run`; None for no, or when it is one's own rows, which
    are asked for in the place of this one.
    """

    heading = "New preset"

    def __init__(self, own: OwnRun, choices: list[tuple[str, str, str]], usual: str) -> None:
        """`choices` are (key, answer, words); `usual` is the answer of enter."""
        super().__init__()
        self._own, self._choices, self._usual = own, choices, usual
        for key, answer, words in choices:
            keys = f"{key},enter" if answer == usual else key
            self._bindings.bind(keys, f"answer('{answer}')", words, show=False)

    def content(self) -> RenderableType:
        text = Text()
        for key, answer, words in self._choices:
            text.append(f" {key} ", "reverse").append(f"  {plain(words)}")
            text.append("   enter" if answer == self._usual else "", "dim").append("\n")
        text.right_crop(1)
        return text

    def keys(self) -> Text:
        return Text().append(" esc ", "reverse").append(" cancel")

    def action_answer(self, answer: str) -> None:
        if answer == "data":
            # In its place and not after it: keys that come at once go to it and not to the screen below.
            self.app.switch_screen(DataFileDialog(self._own))
        else:
            self.dismiss(answer)


def ask_what_from(main: MainScreen, home: Path, card: PresetCard | None, in_presets: bool) -> None:
    """Ask what a new preset is to be made from; enter takes what is chosen in the list that has the keys."""
    view = main.view
    choices = [("d", "data", "from my data: a file of rows")]
    if card is not None:
        choices.append(("p", "preset", f"on top of the preset {card.name}"))
    if view is not None and not view.is_foreign:
        choices.append(("r", "run", f"with the settings of the run {view.name}"))
    answers = [answer for _, answer, _ in choices]
    wanted = "preset" if in_presets else "run"
    usual = wanted if wanted in answers else "data"

    def answered(answer: str | None) -> None:
        if answer == "preset" and card is not None:
            main.edit_file(card.path, shipped=True)
        elif answer == "run" and view is not None:
            edit_next(main.app, view)

    main.app.push_screen(NewDialog(OwnRun(main, home), choices, usual), answered)
