"""A draft in one line, above the form and for screens without room for more."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text

from runner.check.assess import Assessment
from runner.preset.draft import Draft
from tui.colours import BAD, LIVE, NOTE, QUIET
from tui.glyphs import glyphs, plain
from tui.models.form_rows import FormRow
from tui.widgets.advice_panel import summary
from tui.widgets.finding_list import title


def head(draft: Draft, rows: tuple[FormRow, ...], problems: Mapping[str, str]) -> Text:
    """'my-chats · not saved · extends qlora-8b · 3 settings of its own'."""
    text = Text(plain(draft.title), "bold")
    if draft.is_dirty:
        text.append(plain(" · not saved"), LIVE)
    if draft.extends:
        text.append(plain(f" · extends {draft.extends}"), QUIET)
    own = sum(row.own for row in rows)
    text.append(plain(f" · {own} {'setting' if own == 1 else 'settings'} of its own"), QUIET)
    general = problems.get("") or problems.get("extends")
    if general:
        text.append(plain(f" · {general}"), BAD)
    elif problems:
        text.append(plain(f" · {glyphs().failed} {', '.join(problems)}"), BAD)
    return text


def brief(assessment: Assessment | None, problems: Mapping[str, str]) -> Text:
    """'batch 16 · 936 steps · 18.2/23.1 GiB fits · 2 warnings'."""
    text = Text()
    if problems:
        text.append(plain(f"{glyphs().failed} {len(problems)} wrong  "), BAD)
    if assessment is not None:
        text.append_text(summary(assessment))
        text.append(plain(f" · {title(assessment.findings)}"), NOTE if assessment.findings else QUIET)
    return text.append(plain(" · p shows more"), QUIET)
