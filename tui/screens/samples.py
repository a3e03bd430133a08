"""Answers to the same prompts at every evaluation, two checkpoints side by side; what was copied is marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.reactive import var
from textual.widgets import Footer, Static

from runner.store.history import whole
from tui.colours import NOTE, QUIET
from tui.glyphs import glyphs, plain
from tui.models.run_view import RunView, whole_pair
from tui.screens.evidence import row_name
from tui.screens.live import LiveScreen

COPIED = f"black on {NOTE}"


class SamplesScreen(LiveScreen):
    """The answers at two steps: left one that stays, right one that is moved through the run."""

    CSS_PATH = "samples.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]
    BINDINGS = [
        Binding("right,l", "step(1)", "Later", tooltip="The answers of the next evaluation, at the right"),
        Binding(
            "left,h", "step(-1)", "Earlier", tooltip="The answers of the evaluation before, at the right"
        ),
        Binding("p", "pin", "Keep at the left", tooltip="Hold the others against this one"),
        Binding("escape,a", "dismiss", "Back", tooltip="Back to the run"),
        Binding("question_mark", "app.help", "Help", tooltip="Every key"),
    ]

    left: var[int] = var(0)
    right: var[int] = var(-1)

    def __init__(self, view: RunView) -> None:
        super().__init__()
        self.set_reactive(SamplesScreen.view, view)

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        with Horizontal(id="body"):
            for side in ("left", "right"):
                with VerticalScroll(id=side):
                    yield Static()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one("#right").focus()
        self._show()

    @property
    def steps(self) -> list[int]:
        """The steps with answers."""
        return sorted({int(sample["step"]) for sample in self.view.samples}) if self.view else []

    def watch_view(self) -> None:
        self._show()

    def watch_left(self) -> None:
        self._show()

    def watch_right(self) -> None:
        self._show()

    def action_step(self, by: int) -> None:
        steps = self.steps
        if steps:
            self.right = max(0, min(len(steps) - 1, self._place(self.right) + by))

    def action_pin(self) -> None:
        self.left = self._place(self.right)

    def _place(self, at: int) -> int:
        return at if at >= 0 else len(self.steps) - 1

    def _show(self) -> None:
        if not self.query("#right") or self.view is None:
            return
        steps = self.steps
        if not steps:
            self.query_one("#head", Static).update(Text("No answers yet.", "dim"))
            return
        timeline = Text()
        for place, step in enumerate(steps):
            chosen = place in (self.left, self._place(self.right))
            timeline.append(f" {step} ", "reverse" if chosen else QUIET)
        self.query_one("#head", Static).update(Text("answers at step ", QUIET).append_text(timeline))
        for side, place in (("left", self.left), ("right", self._place(self.right))):
            step = steps[min(place, len(steps) - 1)]
            box = self.query_one(f"#{side}")
            box.border_title = plain(f"step {step}{self._loss(step)}")
            box.query_one(Static).update(self._answers(step))

    def _loss(self, step: int) -> str:
        assert self.view is not None
        at = next((point for point in self.view.curves.val if point.step == step), None)
        return f" {glyphs().dot} held-out {at.loss:.4f}" if at is not None else ""

    def _answers(self, step: int) -> RenderableType:
        assert self.view is not None
        parts: list[RenderableType] = []
        for sample in self.view.samples:
            if sample["step"] == step:
                parts += [*answer(sample), Text("")]
        return Group(*parts)


def answer(sample: Mapping[str, Any]) -> list[Text]:
    """Prompt, answer with the copied span marked, and what the data would have answered."""
    lines = [Text(_words(sample.get("prompt")), "bold")]
    words = str(sample["text"])
    copied = sample.get("copied")
    body = Text()
    if (
        isinstance(copied, dict)
        and isinstance(copied.get("start"), int)
        and isinstance(copied.get("end"), int)
    ):
        start, end = copied["start"], copied["end"]
        body.append(plain(words[:start])).append(plain(words[start:end]), COPIED).append(plain(words[end:]))
    else:
        body.append(plain(words) or "(empty)")
    lines.append(body)
    if isinstance(copied, dict) and (name := whole_pair(copied.get("row"))) is not None:
        lines.append(
            Text(f"{whole(copied.get('words'))} words in a row stand in training row {row_name(name)}", NOTE)
        )
    if sample.get("expected"):
        lines.append(Text("expected: ", QUIET).append(_words(sample["expected"]), QUIET))
    return lines


def _words(value: object) -> str:
    """Text of several lines, safe to show; empty for anything else."""
    return plain(value) if isinstance(value, str) else ""
