"""A preset's form as it is shown: one frozen row for each setting. No textual here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.preset.draft import Draft
from runner.preset.fields import Field, fields, to_text


@dataclass(frozen=True)
class FormRow:
    """A setting with its value. `changed` is against the file, `differs` against what it extends, `origin` says who
    sets it ('here', a file and line, 'default'), `problem` what is wrong with it.
    """

    field: Field
    text: str
    changed: bool = False
    differs: bool = False
    own: bool = False
    origin: str = ""
    inherited: str = ""
    problem: str = ""


def rows_of(draft: Draft, problems: Mapping[str, str]) -> tuple[FormRow, ...]:
    """Every setting of a draft, in the schema's order."""
    return tuple(row_of(draft, field, problems) for field in fields())


def row_of(draft: Draft, field: Field, problems: Mapping[str, str]) -> FormRow:
    """One setting of a draft."""
    own = draft.is_own(field)
    return FormRow(
        field,
        draft.text(field),
        changed=draft.is_changed(field),
        differs=draft.differs_from_base(field),
        own=own,
        origin="here" if own else draft.inherited_from(field),
        inherited=to_text(draft.inherited(field)),
        problem=problems.get(field.name) or problems.get(field.section, ""),
    )


def matching(rows: tuple[FormRow, ...], words: str) -> tuple[FormRow, ...]:
    """The rows whose name holds all of the words, then those whose doc does; all rows for no words."""
    wanted = words.lower().replace("-", "_").split()
    if not wanted:
        return rows
    named = [row for row in rows if all(word in row.field.name.lower() for word in wanted)]
    told = [
        row
        for row in rows
        if row not in named and all(word in f"{row.field.name} {row.field.doc}".lower() for word in wanted)
    ]
    return (*named, *told)
