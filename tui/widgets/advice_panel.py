"""What a preset means: batch, steps, tokens, rate, and its memory as a bar."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.reactive import reactive
from textual.widgets import Static

from runner.check.assess import NO_CARD, Assessment
from runner.insight.advice import Tone
from runner.insight.memory.predict import Fit, Prediction
from runner.insight.memory.words import MemoryWords, memory_words
from tui.colours import BAD, FAINT, GOOD, LIVE, NOTE, PROBE, QUIET
from tui.glyphs import glyphs, plain

TONES = {Tone.PLAIN: "", Tone.GOOD: "", Tone.NOTE: NOTE}
FITS = {Fit.FITS: GOOD, Fit.TIGHT: NOTE, Fit.RUNS_OUT: BAD}
PARTS = {
    "weights": LIVE,
    "LoRA + optimizer": PROBE,
    "optimizer": PROBE,
    "gradients": "#7aa2f7",
    "activations": GOOD,
    "context": QUIET,
    "fragmentation": "#8a7f9d",
}


class AdvicePanel(Static):
    """The newest assessment of a preset."""

    BORDER_TITLE = "What this means"

    assessment: reactive[Assessment | None] = reactive(None)

    def watch_assessment(self, assessment: Assessment | None) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self.assessment is None:
            self.update(Text(plain("looking …"), "dim"))
            return
        self.update(Group(lines(self.assessment), memory(self.assessment, max(20, self.content_size.width))))


def lines(assessment: Assessment) -> Table:
    """The advice in two columns."""
    table = Table.grid(padding=(0, 1))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for advice in assessment.advice:
        text = Text(plain(advice.value), TONES[advice.tone])
        if advice.note:
            text.append(plain(f"  {advice.note}"), QUIET if advice.tone is Tone.GOOD else TONES[advice.tone])
        table.add_row(plain(advice.label), text)
    return table


def memory(assessment: Assessment, width: int) -> RenderableType:
    """The prediction: a bar of its parts against what is free, the figures, and what would save most."""
    prediction = assessment.prediction
    if prediction is None:
        hint = "; g picks a card" if assessment.memory_problem == NO_CARD else ""
        return Text.assemble(("VRAM ", "dim"), plain(assessment.memory_problem + hint))
    words, style = memory_words(prediction), FITS[prediction.fit]
    head = Text("VRAM ", "dim").append(words.need, f"bold {style}")
    head.append(plain(f" {words.room} · ")).append(words.fit, f"bold {style}")
    evaluation = plain(f"{words.evaluation} · {words.basis}")
    out = [head, bar(prediction, width), legend(words)]
    out.append(Text(evaluation, NOTE if prediction.at_evaluation else QUIET))
    if words.saving:
        out.append(Text.assemble((f"{glyphs().arrow} ", "bold"), plain(words.saving)))
    return Group(*out)


def bar(prediction: Prediction, width: int) -> Text:
    """Each part as long as its share of the card's free memory; what does not fit is drawn beyond a mark."""
    total = max(prediction.card.free_mib, prediction.train.need)
    text, drawn, before = Text(no_wrap=True), 0, 0.0
    for name, mib in prediction.parts:
        before += mib
        end = round(width * before / total)
        text.append(glyphs().bar_full * max(0, end - drawn), PARTS.get(name, ""))
        drawn = max(drawn, end)
    text.append(glyphs().bar_empty * max(0, width - drawn), FAINT)
    return text


def legend(words: MemoryWords) -> Text:
    """The parts in their colours, with GiB."""
    text = Text()
    for name, part in words.parts:
        text.append(f" {glyphs().dot} " if text.plain else "", QUIET)
        text.append(part, PARTS.get(name, ""))
    return text


def summary(assessment: Assessment) -> Text:
    """One line for screens without room for more."""
    train = assessment.preset.train
    parts = [f"batch {train.per_device_train_batch_size * train.gradient_accumulation_steps}"]
    if assessment.plan is not None:
        parts.append(f"{assessment.plan.total_steps:,} steps")
    text = Text(plain(" · ".join(parts)))
    prediction = assessment.prediction
    if prediction is not None:
        text.append(plain(f" · {memory_words(prediction).brief}"), FITS[prediction.fit])
    return text
