"""The list of presets, and what one of them would do."""

from __future__ import annotations

from pathlib import Path

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.binding import Binding
from textual.reactive import reactive
from textual.widgets import Static
from textual.widgets.option_list import Option

from tui.colours import BAD
from tui.glyphs import glyphs, plain
from tui.models.run_view import PresetCard
from tui.widgets.options import Options


class PresetList(Options):
    """Presets, own ones first. The highlighted one is kept by its name."""

    BINDINGS = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
    ]
    BORDER_TITLE = "Presets"

    cards: reactive[tuple[PresetCard, ...]] = reactive(())

    def watch_cards(self, cards: tuple[PresetCard, ...]) -> None:
        kept = self.highlighted_card
        self.clear_options()
        self.add_options(Option(self._prompt(card)) for card in cards)
        names = [card.name for card in cards]
        if names:
            self.highlighted = names.index(kept.name) if kept and kept.name in names else 0

    @property
    def highlighted_card(self) -> PresetCard | None:
        """The highlighted preset."""
        if self.highlighted is None or self.highlighted >= len(self.cards):
            return None
        return self.cards[self.highlighted]

    def on_resize(self) -> None:
        for index, card in enumerate(self.cards[: self.option_count]):
            self.replace_option_prompt_at_index(index, self._prompt(card))

    def _prompt(self, card: PresetCard) -> Text:
        if card.problems:
            text = Text(f"{glyphs().failed} {card.name}", BAD)
        else:
            text = Text(f"  {card.name}", "" if card.shipped else "bold")
        # An option wraps what is too long, and a list of wrapped names is hard to read.
        text.truncate(max(8, self.scrollable_content_region.width - 2), overflow=glyphs().overflow)
        return text


class PresetPanel(Static):
    """What a preset would do, or what is wrong with it."""

    card: reactive[PresetCard | None] = reactive(None)

    def watch_card(self, card: PresetCard | None) -> None:
        if card is None:
            self.border_title = "Preset"
            self.update(Text("No preset chosen.", "dim"))
            return
        whose = "ships with ftui" if card.shipped else "yours"
        self.border_title = Text(plain(f"{card.name} {glyphs().dot} {whose}"))
        self.update(problems(card) if card.problems else summary(card))


def settings(card: PresetCard) -> Table:
    """A preset's settings in two columns."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for label, value in card.lines:
        table.add_row(label, Text(plain(value)))
    if card.danger:
        table.add_row(Text("Remote code", BAD), Text(plain(card.danger), f"bold {BAD}"))
    return table


def summary(card: PresetCard) -> Group:
    """What a preset is for, its settings, and the key that launches it."""
    hint = Text.assemble(("l", "bold"), (" launches it", "dim"))
    lines = (Text(plain(card.description), "italic"), Text(""), settings(card), Text(""), hint)
    return Group(*(lines if card.description else lines[2:]))


def problems(card: PresetCard) -> Text:
    """Everything that is wrong with a preset."""
    text = Text().append("This preset cannot be used:\n", f"bold {BAD}")
    for problem in card.problems:
        text.append(f"\n{glyphs().failed} {plain(problem.replace(card.path, Path(card.path).name))}\n", "")
    return text.append(f"\nMend {card.path}; it is read again by itself.", "dim")
