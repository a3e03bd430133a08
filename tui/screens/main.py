"""The one screen people look at for hours: load on top, runs and presets at the left, the run at the right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.reactive import var
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Footer, Input, OptionList

from runner.gpu import GpuReading
from runner.host import HostSample
from runner.supervision.warm import WarmStart
from tui.messages import LoadSampled, PresetsListed, RunChanged, RunsListed
from tui.models.run_view import PresetCard, RunRow, RunView
from tui.screens import run_control
from tui.screens.list_keys import ListKeys
from tui.screens.live import LiveScreen
from tui.screens.main_keys import MAIN_BINDINGS
from tui.screens.next_preset import edit_next
from tui.screens.run_views import look
from tui.screens.shown_runs import ShownRuns
from tui.screens.workbench import open_draft
from tui.services import drafts
from tui.services.load import LoadService
from tui.services.presets import PresetListService
from tui.services.run_reader import RunSource
from tui.services.waiting_edits import WaitingEdits
from tui.widgets.load_bar import LoadBar
from tui.widgets.metrics import Metrics
from tui.widgets.preset_list import PresetList, PresetPanel
from tui.widgets.run_list import RunList
from tui.widgets.run_panel import RunPanel
from tui.widgets.welcome import Welcome

# A store that takes long to be read is not waited for.
REST_SECONDS = 0.5


class MainScreen(ListKeys):
    """Runs, presets, and the one that is chosen."""

    CSS_PATH = "main.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]
    BINDINGS = [*MAIN_BINDINGS]

    rows: var[tuple[RunRow, ...]] = var(())
    cards: var[tuple[PresetCard, ...]] = var(())
    gpus: var[GpuReading | None] = var(None)
    host: var[HostSample | None] = var(None)

    def __init__(self, home: Path, target: RunSource | None = None) -> None:
        """`target` is the run it opens on."""
        super().__init__()
        self._home, self._target = home, target
        self._wanted = target.id if target is not None else None
        self.presets = PresetListService(self.post_message, home)
        self.load = LoadService(self.post_message)
        self.runs = ShownRuns(self, home)
        self.waiting_edits = WaitingEdits()
        self.warm = WarmStart(home)

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
                yield Welcome(id="welcome")
                yield RunPanel(id="run").data_bind(MainScreen.view)
                yield PresetPanel(id="preset")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one("#filter").display = False
        self.query_one(RunList).focus()
        if self._target is not None:
            # Read while the screen is made, not when the list has been.
            self.runs.invite(self._target)
        self.runs.store.start()
        self.runs.follow.start()
        self.set_timer(REST_SECONDS, self._start_the_rest)

    def _start_the_rest(self) -> None:
        # Their libraries (pydantic, ruamel.yaml, NVML) take a tenth of a second, for which the first list would wait.
        self.presets.start_once()
        self.load.start_once()

    def end(self) -> None:
        """The app ends."""
        self.waiting_edits.end()
        self.warm.close()
        for service in (self.runs.store, self.runs.follow, self.presets, self.load):
            service.stop()

    # What the services tell

    def on_runs_listed(self, message: RunsListed) -> None:
        self.rows = self.runs.listed(message.rows)
        self.call_after_refresh(self._start_the_rest)

    def on_presets_listed(self, message: PresetsListed) -> None:
        self.cards = message.cards

    def on_run_changed(self, message: RunChanged) -> None:
        self.view = message.view
        self.rows = self.runs.changed(message.view)

    def on_load_sampled(self, message: LoadSampled) -> None:
        self.gpus, self.host = message.gpus, message.host

    def opened(self, screen: LiveScreen) -> None:
        """A screen was opened over this one."""
        self.tell(screen)
        if screen.leads_to_launch:
            self.warm.prepare()

    def tell(self, screen: Screen[Any]) -> None:
        """Tell a screen over this one what is known."""
        if isinstance(screen, LiveScreen):
            screen.view, screen.gpus = self.view, self.gpus

    def _tell_all(self) -> None:
        for screen in self.app.screen_stack:
            self.tell(screen)

    def watch_view(self, before: RunView | None, view: RunView | None) -> None:
        super().watch_view(before, view)
        self._tell_all()

    def watch_gpus(self) -> None:
        self._tell_all()

    def on_screen_resume(self) -> None:
        # Presets may have been written meanwhile.
        self.presets.nudge()

    # Choosing

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
            # Who types already, before the list was read, goes on typing.
            if not isinstance(self.focused, Input):
                self.query_one(RunList).focus()

    def watch_rows(self) -> None:
        # After the list has taken the rows in.
        self.call_after_refresh(self._choose_wanted)

    def watch_cards(self) -> None:
        self.call_after_refresh(self._show_chosen)

    def on_run_list_highlighted(self, event: RunList.Highlighted) -> None:
        self.runs.choose(event.run_id)
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
        self.ask_launch(card)

    def ask_launch(self, card: PresetCard) -> None:
        """Ask whether and where to launch a preset."""
        run_control.ask_launch(self.app, self._home, card, self.gpus, self.warm)

    def action_edit(self) -> None:
        card = self.query_one(PresetList).highlighted_card
        if not self._in_presets:
            self._go_to_presets()
        elif card is not None:
            self.edit_file(card.path, card.shipped)

    def action_new(self) -> None:
        from tui.screens.new_preset import ask_what_from

        ask_what_from(self, self._home, self.query_one(PresetList).highlighted_card, self._in_presets)

    def edit_file(self, path: str, shipped: bool) -> None:
        """Edit a preset's file; of a shipped one a new preset that extends it."""
        open_draft(self.app, self._home, lambda: drafts.of_file(self._home, Path(path), shipped))

    def action_stop(self) -> None:
        run_control.ask_stop(self.app, self.view)

    def action_resume(self) -> None:
        run_control.ask_resume(self.app, self.view, self.warm)

    def action_queue(self) -> None:
        from tui.screens.queue import QueueScreen

        self.app.push_screen(QueueScreen(self._home, self.waiting_edits))

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

    def action_look(self, screen: str) -> None:
        if self.view is None:
            self.notify("There is no run to look at.")
        elif screen == "samples" and not self.view.samples:
            self.notify(
                "No answers yet: eval.sample_prompts are answered at every evaluation.", title="Samples"
            )
        else:
            self.app.push_screen(look(screen, self.view))

    def action_fix(self) -> None:
        if self.view is None:
            return
        changed = next((f for f in self.view.verdict.findings if f.changes), None)
        if self.view.is_foreign:
            self.notify("Only a run of ftui has a preset to change.", severity="warning")
        elif changed is None:
            self.notify("Nothing was found that a setting mends.")
        else:
            edit_next(self.app, self.view, changed.changes, changed.reason)

    def action_compare(self) -> None:
        chosen = self.query_one(RunList).to_compare()
        if len(chosen) < 2:
            self.notify("Mark two runs or more with space.", title="Compare")
        else:
            from tui.screens.compare import CompareScreen

            self.app.push_screen(CompareScreen([self.runs.target(run_id) for run_id in chosen]))
