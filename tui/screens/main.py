"""The one screen people look at for hours: load on top, runs and presets at the left, the run at the right."""

from __future__ import annotations

from dataclasses import replace

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Footer, OptionList, Static

from runner.gpu import GpuReading
from runner.host import HostSample
from tui.state import PresetCard, RunRow, RunView
from tui.widgets.load_bar import LoadBar
from tui.widgets.preset_list import PresetList, PresetPanel
from tui.widgets.run_list import RunList
from tui.widgets.run_panel import RunPanel

WELCOME = """\
No runs yet.

Choose a preset at the left with [b]tab[/b] and the arrow keys, and press [b]l[/b] to launch it.
[b]demo[/b] needs nothing but this machine and takes about a minute."""


class MainScreen(Screen[None]):
    """Runs, presets, and the one that is chosen."""

    CSS_PATH = "main.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]
    BINDINGS = [
        Binding("l", "launch", "Launch", tooltip="Launch the chosen preset", id="run.launch"),
        Binding("e", "edit", "Edit", tooltip="Edit the chosen preset", id="preset.edit"),
        Binding(
            "n",
            "new",
            "New preset",
            tooltip="A new preset on top of the chosen one, or with the settings of the shown run",
            id="preset.new",
        ),
        Binding("s", "stop", "Stop", tooltip="Stop the shown run; it saves first", id="run.stop"),
        Binding(
            "enter", "zoom", "Zoom", tooltip="Give the shown run the whole screen, and back", id="view.zoom"
        ),
        Binding("o", "toggle_log", "Log", tooltip="Show or hide the log of the run", id="view.log"),
        Binding("escape", "back", "Back", show=False, tooltip="Leave the zoom", id="view.back"),
        Binding("question_mark", "app.help", "Help", tooltip="Every key", id="app.help"),
        Binding("q", "app.quit", "Quit", tooltip="Close the screen; runs go on", id="app.quit"),
    ]

    rows: reactive[tuple[RunRow, ...]] = reactive(())
    cards: reactive[tuple[PresetCard, ...]] = reactive(())
    view: reactive[RunView | None] = reactive(None)
    gpus: reactive[GpuReading | None] = reactive(None)
    host: reactive[HostSample | None] = reactive(None)

    class RunChosen(Message):
        """Another run is highlighted."""

        def __init__(self, run_id: str | None) -> None:
            self.run_id = run_id
            super().__init__()

    class LaunchAsked(Message):
        """Somebody wants to launch a preset."""

        def __init__(self, card: PresetCard) -> None:
            self.card = card
            super().__init__()

    class EditAsked(Message):
        """Somebody wants to edit a preset; `shipped` ones become the base of a new one."""

        def __init__(self, card: PresetCard) -> None:
            self.card = card
            super().__init__()

    class PresetFromRunAsked(Message):
        """Somebody wants a preset with the settings of a run."""

        def __init__(self, view: RunView) -> None:
            self.view = view
            super().__init__()

    class StopAsked(Message):
        """Somebody wants to stop the shown run."""

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
                yield PresetList().data_bind(MainScreen.cards)
            with ContentSwitcher(initial="welcome", id="right"):
                yield Static(WELCOME, id="welcome")
                yield RunPanel(id="run").data_bind(MainScreen.view)
                yield PresetPanel(id="preset")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(RunList).focus()

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
        elif self.query_one(RunList).highlighted_id is not None:
            right.current = "run"
        else:
            right.current = "welcome"

    def action_launch(self) -> None:
        card = self.query_one(PresetList).highlighted_card
        if card is None:
            return
        if not self._in_presets:
            # What would be launched is shown first.
            self.query_one(PresetList).focus()
            return
        if card.problems:
            self.notify("This preset has problems; they are shown at the right.", severity="error")
            return
        self.post_message(self.LaunchAsked(card))

    def action_edit(self) -> None:
        card = self.query_one(PresetList).highlighted_card
        if not self._in_presets:
            self.query_one(PresetList).focus()
        elif card is not None:
            self.post_message(self.EditAsked(card))

    def action_new(self) -> None:
        card = self.query_one(PresetList).highlighted_card
        if self._in_presets and card is not None:
            self.post_message(self.EditAsked(replace(card, shipped=True)))
        elif self.view is not None:
            self.post_message(self.PresetFromRunAsked(self.view))

    def action_stop(self) -> None:
        if self.view is None:
            self.notify("There is no run to stop.")
        elif self.view.phase.is_over:
            self.notify(f"This run is over already: {self.view.phase.value}.")
        else:
            self.post_message(self.StopAsked(self.view))

    def action_zoom(self) -> None:
        if self.view is not None:
            self.toggle_class("-zoomed")
            self.query_one(RunList).focus()

    def action_back(self) -> None:
        self.remove_class("-zoomed")
        self.query_one(RunList).focus()

    def action_toggle_log(self) -> None:
        self.toggle_class("-log")
