"""What the X-ray found: counts, lengths, and every row something is wrong with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import dropwhile

from rich.text import Text
from textual.binding import Binding
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from runner.insight.data import DataReport, Defects, Note, histogram, quantile
from tui.colours import BAD, GOOD, LIVE, NOTE, QUIET
from tui.glyphs import glyphs, plain
from tui.widgets.options import Options

MOST_LISTED = 200
BAR_WIDTH = 16
BUCKETS = 8
# As runner/train/conversation.py says it: nothing to mention.
USUAL_WAY = "one rendering"


class DataLedger(Options):
    """Lines about the data; those about a row lead to it."""

    BINDINGS = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
    ]
    BORDER_TITLE = "Ledger"

    report: reactive[DataReport | None] = reactive(None)

    class RowPicked(Message):
        """The user wants to see a row."""

        def __init__(self, source: str, row: int) -> None:
            self.source = source
            self.row = row
            super().__init__()

    def watch_report(self, report: DataReport | None) -> None:
        kept = self.highlighted_option.id if self.highlighted_option is not None else None
        self.clear_options()
        if report is None:
            self.add_option(Option(Text(plain("looking at the data …"), "dim"), disabled=True))
            return
        ids = set()
        for text, id_ in entries(report):
            self.add_option(Option(text, id=id_, disabled=id_ is None))
            ids.add(id_)
        if kept in ids and kept is not None:
            self.highlighted = self.get_option_index(kept)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option.id is not None:
            *_, source, row = event.option.id.split("|")
            self.post_message(self.RowPicked(source, int(row)))


def entries(report: DataReport) -> Iterator[tuple[Text, str | None]]:
    """(line, id) of everything; the id 'kind|source|row' leads to a row, None to nothing."""
    if report.problem:
        yield Text(plain(report.problem), BAD), None
        yield Text(plain(report.hint), QUIET), None
        return
    for text in overview(report):
        yield text, None
    for source in report.sources:
        yield from _rows(f"cannot be used in {source.name}", source.bad, source.name, BAD)
        yield from _rows(f"left out in {source.name}", source.left_out, source.name, QUIET)
        for remark in source.remarks:
            words = f"{remark.text}: {remark.count:,} rows"
            yield Text(plain(words), NOTE), f"remark {remark.text}|{source.name}|{remark.first}"
    for kind, defects in report.defects:
        yield from _rows(kind.words, defects, kind.source, BAD if kind.is_grave else NOTE)


def overview(report: DataReport) -> Iterator[Text]:
    """Counts and the histogram of lengths."""
    done = "" if report.complete else f" · {100 * report.progress:.0f} % read"
    yield Text(plain(f"{report.train_rows:,} to train on · {report.eval_rows:,} held out{done}"), "bold")
    for source in report.sources:
        formats = ", ".join(f"{count:,} {name}" for name, count in source.formats.items())
        yield Text(plain(f"{source.name}: {source.rows_read:,} rows · {formats or 'none usable'}"), QUIET)
        for words in source.notes:
            yield Text(plain(f"  {words}"), QUIET)
    share = report.trained_share
    if share is not None:
        style = BAD if share < 0.01 else GOOD
        yield Text(plain(f"{100 * share:.1f} % of {report.tokens:,} tokens are learned"), style)
    if report.more_samples:
        words = f"unrolled into {report.train_samples:,} samples · +{report.unrolled_percent:.0f} % tokens"
        yield Text(plain(words), NOTE)
    elif len(report.ways) == 1 and (way := next(iter(report.ways))) != USUAL_WAY:
        yield Text(plain(f"answers by {way}"), QUIET)
    ends = "ends with EOS" if report.ends_with_eos else "ends with another token than EOS"
    pad = " · pad is EOS" if report.pad_is_eos else ""
    yield Text(
        plain(
            f"{ends}{pad} · packed, rows would be {100 * report.packing_fill(report.max_length, False):.0f} % full"
        ),
        QUIET,
    )
    lengths = report.lengths
    if not lengths:
        return
    p50, p95 = quantile(lengths, 0.5), quantile(lengths, 0.95)
    yield Text(plain(f"p50 {p50} · p95 {p95} · max {report.longest} tokens · max_length {report.max_length}"))
    bars = list(dropwhile(lambda bucket: not bucket[2], histogram(lengths, BUCKETS)))
    most = max(count for _, _, count in bars)
    for low, high, count in bars:
        bar = glyphs().bar_full * max(bool(count), round(BAR_WIDTH * count / most))
        line = Text(f"{low:>6}–{high:<6} " if not glyphs().ascii else f"{low:>6}-{high:<6} ", QUIET)
        style = BAD if low > report.max_length else LIVE
        yield line.append(bar.ljust(BAR_WIDTH), style).append(f" {count:,}", QUIET)


def _rows(heading: str, defects: Defects, source: str, style: str) -> Iterator[tuple[Text, str | None]]:
    if not defects.count:
        return
    yield Text(plain(f"{glyphs().up} {heading}: {defects.count:,}"), f"bold {style}"), None
    notes = defects.notes[:MOST_LISTED]
    alike = Counter(note.text for note in notes)
    said: set[str] = set()
    # What is said of several rows is said once, before the first of them.
    first = {note.text: note.row for note in reversed(notes)}
    for note in sorted(notes, key=lambda one: (first[one.text], one.row)):
        if alike[note.text] > 1 and note.text not in said:
            said.add(note.text)
            yield Text(plain(f"  {alike[note.text]:,} rows: {note.text}"), QUIET), None
        shown = note if alike[note.text] == 1 else Note(note.row, "")
        yield _line(shown), f"{heading}|{source}|{note.row}"
    if defects.count > MOST_LISTED:
        yield Text(plain(f"  … and {defects.count - MOST_LISTED:,} more"), QUIET), None


def _line(note: Note) -> Text:
    return Text(f"  row {note.row:,}  ", "bold", no_wrap=True).append(plain(note.text), QUIET)
