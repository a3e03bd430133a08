"""The next preset after a run: its settings, with what a finding says should change, and why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from runner import plain_text
from runner.insight.diagnosis import Change
from runner.insight.diagnosis.finding import FindingKind
from runner.preset import files
from runner.preset.draft import Draft
from runner.preset.fields import field_named
from runner.preset.files import load_frozen
from runner.preset.schema import Preset
from runner.store.directory import RunDirectory

BATCH, ACCUMULATION = "train.per_device_train_batch_size", "train.gradient_accumulation_steps"


def next_preset(
    run: RunDirectory,
    home: Path,
    name: str,
    changes: Sequence[Change] = (),
    reason: str = "",
    skip: Collection[int] = (),
) -> Draft:
    """A draft with the settings of a run and these changes, not saved yet; `skip` are rows to leave out. `reason` is
    recorded as its description. Raises PresetError when the run's preset cannot be read.
    """
    preset = load_frozen(run.preset)
    why = f"from run {run.id}: {reason}" if reason else f"the settings of run {run.id}"
    # A comment ends with its line.
    draft = Draft.of_preset(preset, home, name, plain_text.prose(why))
    for key, value in resolved(preset, changes).items():
        draft.set_value(field_named(key), value)
    if skip:
        _leave_out(draft, preset, skip)
    if reason:
        draft.set_value(field_named("description"), why)
    return draft


def _leave_out(draft: Draft, preset: Preset, skip: Collection[int]) -> None:
    """Leave rows of the preset's own, first source out, beside those that are left out already."""
    several = preset.data.train_dataset
    if isinstance(several, str):
        draft.set_value(field_named("data.skip_rows"), sorted({*preset.data.skip_rows, *skip}))
        return
    entries = [source.model_dump(mode="json", exclude_defaults=True) for source in several]
    entries[0]["skip_rows"] = sorted({*several[0].skip_rows, *skip})
    draft.set_value(field_named("data.train_dataset"), entries)


def free_name(home: Path, name: str) -> str:
    """'my-NAME', with a number where there is one already; never 'my-my-NAME'."""
    return files.free_name(home, name if name.startswith("my-") else f"my-{name}")


def resolved(preset: Preset, changes: Sequence[Change]) -> dict[str, Any]:
    """The new value of every setting these changes really change."""
    values: dict[str, Any] = {}
    batch = preset.train.per_device_train_batch_size
    if any(c.key == BATCH and c.kind is FindingKind.TIMES and c.of(batch) == batch for c in changes):
        # Of one row there is no half, and more accumulation alone would be another effective batch.
        changes = [c for c in changes if c.key not in (BATCH, ACCUMULATION)]
    for change in changes:
        section, _, key = change.key.partition(".")
        now = getattr(getattr(preset, section), key)
        new = change.of(now)
        if change.key == "train.num_train_epochs" and preset.train.max_steps > 0:
            # max_steps overrules the epochs: those that were good count now.
            values |= {"train.max_steps": -1, change.key: change.value}
            continue
        if change.key == "train.warmup_steps" and now < 1 <= new:
            # From 1 on it would count steps.
            new = max(now, 0.5)
        if new != now:
            values[change.key] = new
    return values
