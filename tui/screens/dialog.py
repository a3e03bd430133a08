"""Small questions over the main screen. Every one is answered by a letter; escape never does anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from runner.gpu import CPU, GpuReading
from tui.colours import NOTE
from tui.glyphs import plain
from tui.models.run_view import PresetCard, RunView
from tui.widgets.load_bar import gpu_line
from tui.widgets.options import Options
from tui.widgets.preset_list import settings

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer], Generic[Answer]):
    """A box with a title, a text and the keys that answer it."""

    CSS_PATH = "dialog.tcss"
    BINDINGS = [Binding("escape,q", "dismiss", "Cancel", show=False)]

    heading = ""

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = Text(plain(self.heading))
            yield Static(self.content(), id="text")
            yield from self.extra()
            yield Static(self.keys(), id="keys")

    def content(self) -> RenderableType:
        """What the box says."""
        raise NotImplementedError

    def extra(self) -> ComposeResult:
        """Widgets between the text and the keys."""
        yield from ()

    def keys(self) -> Text:
        """The keys of this dialog and what they do, from its bindings."""
        text = Text()
        for binding in self.BINDINGS:
            if isinstance(binding, Binding):
                key = binding.key.split(",", maxsplit=1)[0].replace("escape", "esc")
                text.append(f" {key} ", "reverse").append(
                    f" {plain(binding.tooltip or binding.description)}   "
                )
        return text.append(" esc ", "reverse").append(" cancel")


@dataclass(frozen=True)
class LaunchChoice:
    """Where to launch: a GPU's UUID, `cpu`, or None for the GPU with most free memory; at once, or when it is free."""

    gpu: str | None
    waits: bool = False


def only_place(gpus: GpuReading | None) -> LaunchChoice | None:
    """Where a run goes when there is no choice: the only GPU, or the CPU where there is none. None: ask."""
    if gpus is None or gpus.is_sick or len(gpus.samples) > 1:
        return None
    if not gpus.samples:
        return LaunchChoice(CPU)
    return LaunchChoice(gpus.samples[0].gpu.uuid) if gpus.healthy else None


class LaunchDialog(Dialog[LaunchChoice | None]):
    """Launch a preset? Answers None for no."""

    BINDINGS = [
        Binding("enter,l", "launch(False)", "launch it", tooltip="launch it now"),
        Binding("w", "launch(True)", "queue it", tooltip="wait until it is free"),
    ]

    def __init__(self, card: PresetCard, gpus: GpuReading | None) -> None:
        super().__init__()
        self.heading = f"Launch {card.name}"
        self._card = card
        # A driver that has to wake every card takes a while: until then nothing is known.
        self._is_known = gpus is not None
        self._gpus = gpus or GpuReading()

    def content(self) -> RenderableType:
        return settings(self._card)

    def extra(self) -> ComposeResult:
        samples = self._gpus.samples
        if not self._is_known:
            yield Static(Text("Still looking for GPUs: it gets the one with most free memory.", NOTE))
            return
        if not samples and not self._gpus.is_sick:
            why = self._gpus.problem if self._gpus.hidden else "No NVIDIA GPU"
            words = f"{why}: it runs on the CPU, which suits the demo and nothing larger."
            yield Static(Text(plain(words), NOTE))
            return
        if not samples:
            yield Static(Text(plain(self._gpus.problem), NOTE))
        choices = [
            Option(gpu_line(sample, 60, len(samples) > 1), id=sample.gpu.uuid, disabled=bool(sample.problem))
            for sample in samples
        ]
        if not self._gpus.healthy:
            # It is never highlighted: with a GPU in the machine the CPU is a choice to be made.
            choices.append(Option("the CPU, which suits the demo and nothing larger", id=CPU))
        listed = Options(*choices)
        best = max(self._gpus.healthy, key=lambda one: one.free_mib or 0, default=None)
        listed.highlighted = samples.index(best) if best is not None else None
        yield listed

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.action_launch(False)

    def action_launch(self, waits: bool) -> None:
        if not self._gpus.samples and not self._gpus.is_sick:
            self.dismiss(LaunchChoice(CPU if self._is_known else None, waits))
            return
        listed = self.query_one(OptionList)
        chosen = listed.highlighted_option
        if chosen is None or chosen.id is None or chosen.disabled:
            self.notify(
                "No GPU can be used. Choose the CPU with the arrow keys if you mean it.", severity="warning"
            )
            return
        self.dismiss(LaunchChoice(chosen.id, waits))


class StopDialog(Dialog[str | None]):
    """Stop a run? Answers `stop`, `now`, `save`, `evaluate` or `sample`, None for no."""

    BINDINGS = [
        Binding("s", "answer('stop')", "stop and save", tooltip="finish this step, save, stop"),
        Binding("n", "answer('now')", "stop now", tooltip="stop now, lose those steps"),
        Binding("c", "answer('save')", "checkpoint", tooltip="write a checkpoint and go on"),
        Binding("e", "answer('evaluate')", "evaluate", tooltip="evaluate and go on"),
        Binding("a", "answer('sample')", "answers", tooltip="answer the sample prompts and go on"),
    ]

    def __init__(self, view: RunView) -> None:
        super().__init__()
        self.heading = f"Stop {view.name}"
        self._view = view

    def content(self) -> RenderableType:
        view = self._view
        last = max(view.curves.checkpoints, default=None)
        text = Text(f"It is at step {view.step} of {view.total_steps or '?'}.\n")
        if last is None:
            text.append("Nothing is saved yet: stopping now loses all of it.")
        else:
            text.append(f"checkpoint-{last} is on disk: stopping now loses {view.step - last} steps.")
        return text

    def action_answer(self, answer: str) -> None:
        self.dismiss(answer)
