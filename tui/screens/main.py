"""The one screen people look at for hours: load on top, runs and presets at the left, the run at the right."""

from __future__ import annotations

from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.reactive import var
from textual.widgets import ContentSwitcher, Footer, Input, OptionList, Static

from runner.gpu import GpuReading
from runner.host import HostSample
from tui.messages import NextPresetAsked
from tui.models.run_view import PresetCard, RunRow, RunView
from tui.screens.chart_keys import ChartKeys
from tui.screens.main_keys import MAIN_BINDINGS
from tui.widgets.load_bar import LoadBar
from tui.widgets.metrics import Metrics
from tui.widgets.preset_list import PresetList, PresetPanel
from tui.widgets.run_list import RunList
from tui.widgets.run_panel import RunPanel

WELCOME = """\
No runs yet.

Choose a preset at the left with [b]tab[/b] and the arrow keys, and press [b]l[/b] to launch it.
[b]demo[/b] needs nothing but this machine and takes about a minute."""


class MainScreen(ChartKeys):
    """Runs, presets, and the one that is chosen."""

    CSS_PATH = "main.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]
    BINDINGS = [*MAIN_BINDINGS]

    rows: var[tuple[RunRow, ...]] = var(())
    cards: var[tuple[PresetCard, ...]] = var(())
    view: var[RunView | None] = var(None)
    gpus: var[GpuReading | None] = var(None)
    host: var[HostSample | None] = var(None)

    class RunChosen(Message):
        """Another run is highlighted."""

        def __init__(self, run_id: str | None) -> None:
            self.run_id = run_id
            super().__init__()

    class LookAsked(Message):
        """One of the screens on a run is wanted: 'evidence', 'samples', 'log'."""

        def __init__(self, wish: str, view: RunView) -> None:
            self.wish, self.view = wish, view
            super().__init__()

    class CompareAsked(Message):
        """Runs are to be compared, the first one with the others."""

        def __init__(self, run_ids: tuple[str, ...]) -> None:
            self.run_ids = run_ids
            super().__init__()

    class LaunchAsked(Message):
        """The user wants to launch a preset."""

        def __init__(self, card: PresetCard) -> None:
            self.card = card
            super().__init__()

    class EditAsked(Message):
        """The user wants to edit a preset; `shipped` ones become the base of a new one."""

        def __init__(self, card: PresetCard) -> None:
            self.card = card
            super().__init__()

    class StopAsked(Message):
        """The user wants to stop the shown run."""

        def __init__(self, view: RunView) -> None:
            self.view = view
            super().__init__()

    class QueueAsked(Message):
        """The user wants to see what waits."""

    class ResumeAsked(Message):
        """The user wants to go on with the shown run."""

        def __init__(self, view: RunView) -> None:
            self.view = view
            super().__init__()

    def __init__(self, open_run: str | None = None) -> None:
        super().__init__()
        self._wanted = open_run

    def compose(self) -> ComposeResult:
        yield LoadBar().data_bind(MainScreen.gpus, MainScreen.host)
        with Horizontal(id="body"):
            with Vertical(id="side"):
                yield RunList().data_bind(MainScreen.rows)
                yield Input(placeholder="words of name, state, verdict", id="filter")
                yield PresetList().data_bind(MainScreen.cards)
            # A run that was asked for has its panel laid out before it is read.
            first = "run" if self._wanted is not None else "welcome"
            with ContentSwitcher(initial=first, id="right"):
                yield Static(WELCOME, id="welcome")
                yield RunPanel(id="run").data_bind(MainScreen.view)
                yield PresetPanel(id="preset")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one("#filter").display = False
        self.query_one(RunList).focus()

    def on_resize(self) -> None:
        # How many figures it shows depends on the height of the screen, which is not its own.
        self.query_one(Metrics).draw()

    def open_run(self, run_id: str) -> None:
        """Show this run as soon as it is in the list."""
        self._wanted = run_id
        self._choose_wanted()

    def _choose_wanted(self) -> None:
        if self._wanted is not None and self.query_one(RunList).select_run(self._wanted):
            self._wanted = None
            self.query_one(RunList).focus()

    def watch_rows(self) -> None:
        # After the list has taken the rows in.
        self.call_after_refresh(self._choose_wanted)

    def watch_cards(self) -> None:
        self.call_after_refresh(self._show_chosen)

    def on_run_list_highlighted(self, event: RunList.Highlighted) -> None:
        self.post_message(self.RunChosen(event.run_id))
        self._show_chosen()

    def on_run_list_chosen(self) -> None:
        self.action_zoom()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self._show_chosen()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.action_launch()

    def on_descendant_focus(self) -> None:
        self._show_chosen()

    @property
    def _in_presets(self) -> bool:
        """Whether the keys go to the presets. `has_focus` says so only after keys typed fast behind tab."""
        return self.focused is self.query_one(PresetList)

    def _show_chosen(self) -> None:
        """At the right is what the focused list has highlighted."""
        presets = self.query_one(PresetList)
        panel = self.query_one(PresetPanel)
        panel.card = presets.highlighted_card
        right = self.query_one("#right", ContentSwitcher)
        if presets.has_focus:
            right.current = "preset"
        elif self._wanted is not None or self.query_one(RunList).highlighted_id is not None:
            right.current = "run"
        else:
            right.current = "welcome"

    def _go_to_presets(self) -> None:
        self.remove_class("-zoomed")
        self.query_one(PresetList).focus()

    def action_launch(self) -> None:
        card = self.query_one(PresetList).highlighted_card
        if card is None:
            return
        if not self._in_presets:
            # What would be launched is shown first.
            self._go_to_presets()
            return
        if card.problems:
            self.notify("This preset has problems; they are shown at the right.", severity="error")
            return
        self.post_message(self.LaunchAsked(card))

    def action_edit(self) -> None:
        card = self.query_one(PresetList).highlighted_card
        if not self._in_presets:
            self._go_to_presets()
        elif card is not None:
            self.post_message(self.EditAsked(card))

    def action_new(self) -> None:
        card = self.query_one(PresetList).highlighted_card
        if self._in_presets and card is not None:
            self.post_message(self.EditAsked(replace(card, shipped=True)))
        elif self.view is not None:
            self.post_message(NextPresetAsked(self.view))

    def action_stop(self) -> None:
        if self.view is None:
            self.notify("There is no run to stop.")
        elif self.view.phase.is_over:
            self.notify(f"This run is over already: {self.view.phase.value}.")
        else:
            self.post_message(self.StopAsked(self.view))

    def action_resume(self) -> None:
        if self.view is None or self.view.is_foreign:
            self.notify("There is no run of ftui's to go on with.")
        elif not self.view.phase.is_over:
            self.notify("It is running already.")
        else:
            self.post_message(self.ResumeAsked(self.view))

    def action_queue(self) -> None:
        self.post_message(self.QueueAsked())

    def action_zoom(self) -> None:
        if self.view is not None:
            # Textual hands the focus of a list that is hidden to the next one, hidden or not.
            self.set_focus(None)
            self.toggle_class("-zoomed")
            if not self.has_class("-zoomed"):
                self.query_one(RunList).focus()

    def action_back(self) -> None:
        filter_line = self.query_one("#filter", Input)
        if self.hide_cursor():
            return
        if filter_line.display:
            filter_line.value, filter_line.display = "", False
        self.remove_class("-zoomed")
        self.query_one(RunList).focus()

    def action_toggle_log(self) -> None:
        self.toggle_class("-log")

    def action_look(self, wish: str) -> None:
        if self.view is None:
            self.notify("There is no run to look at.")
        else:
            self.post_message(self.LookAsked(wish, self.view))

    def action_fix(self) -> None:
        if self.view is None:
            return
        changed = next((f for f in self.view.verdict.findings if f.changes), None)
        if self.view.is_foreign:
            self.notify("Only a run of ftui has a preset to change.", severity="warning")
        elif changed is None:
            self.notify("Nothing was found that a setting mends.")
        else:
            self.post_message(NextPresetAsked(self.view, changed.changes, changed.reason))

    def action_mark(self) -> None:
        self.query_one(RunList).mark()

    def action_compare(self) -> None:
        chosen = self.query_one(RunList).to_compare()
        if len(chosen) < 2:
            self.notify("Mark two runs or more with space.", title="Compare")
        else:
            self.post_message(self.CompareAsked(chosen))

    def action_filter(self) -> None:
        words = self.query_one("#filter", Input)
        words.display = True
        words.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        runs = self.query_one(RunList)
        runs.selection = replace(runs.selection, words=event.value)

    def on_input_submitted(self) -> None:
        words = self.query_one("#filter", Input)
        words.display = bool(words.value)
        self.query_one(RunList).focus()

    def action_order(self) -> None:
        self.query_one(RunList).next_order()
