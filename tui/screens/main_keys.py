"""The keys of the main screen, in the order of its help."""

from __future__ import annotations

from textual.binding import Binding

from tui.screens.chart_keys import CHART_BINDINGS

MAIN_BINDINGS = [
    Binding("l", "launch", "Launch", tooltip="Launch the chosen preset", id="run.launch"),
    Binding("e", "edit", "Edit", tooltip="Edit the chosen preset", id="preset.edit"),
    Binding(
        "n",
        "new",
        "New",
        tooltip="A new preset: from your own rows, on top of the chosen one, or with the settings of the shown run",
        id="preset.new",
    ),
    Binding(
        "s",
        "stop",
        "Stop",
        tooltip="Stop the shown run, saving first; or ask for a checkpoint, an evaluation, answers",
        id="run.stop",
    ),
    Binding(
        "r", "resume", "Resume", tooltip="Go on with the shown run from its last checkpoint", id="run.resume"
    ),
    Binding("w", "queue", "Queue", tooltip="Runs that wait for their turn", id="run.queue"),
    # Before the keys that look at a run: at 80 columns the footer ends about there.
    Binding("question_mark", "app.help", "Help", tooltip="Every key", id="app.help"),
    Binding("q", "app.quit", "Quit", tooltip="Close the screen; runs go on", id="app.quit"),
    Binding(
        "v",
        "look('evidence')",
        "Evidence",
        tooltip="What was found, with its numbers",
        id="view.evidence",
    ),
    Binding(
        "f",
        "fix",
        "Next preset",
        show=False,
        tooltip="The next preset, with what the verdict says should change",
        id="preset.next",
    ),
    Binding(
        "a",
        "look('samples')",
        "Answers",
        tooltip="Answers to fixed prompts at every evaluation",
        id="view.samples",
    ),
    Binding("space", "mark", "Mark", show=False, tooltip="Mark a run for comparing", id="run.mark"),
    Binding(
        "c",
        "compare",
        "Compare",
        tooltip="Compare the marked runs, or this one with the next",
        id="view.compare",
    ),
    Binding(
        "slash",
        "filter",
        "Filter",
        show=False,
        tooltip="List only runs with these words",
        id="view.filter",
    ),
    Binding(
        "t",
        "order",
        "Sort",
        show=False,
        tooltip="By date, state, preset, verdict or best eval",
        id="view.order",
    ),
    Binding(
        "g",
        "look('log')",
        "Whole log",
        show=False,
        tooltip="The whole log, with search",
        id="view.whole_log",
    ),
    Binding(
        "enter",
        "zoom",
        "Zoom",
        key_display="enter",
        tooltip="Give the shown run the whole screen, and back",
        id="view.zoom",
    ),
    Binding("o", "toggle_log", "Log", tooltip="Show or hide the log of the run", id="view.log"),
    Binding("escape", "back", "Back", show=False, tooltip="Leave the zoom", id="view.back"),
    *CHART_BINDINGS,
]
