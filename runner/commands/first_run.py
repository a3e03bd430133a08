"""A first run on one's own file: what its rows are, which model and preset fit, and the preset that is left behind."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from runner import gpu, places
from runner.check.assess import Assessment, assess, best_card, this_machine
from runner.check.own_models import own_models
from runner.data.container import Container, open_container
from runner.data.errors import DataError
from runner.data.raw import BadRow
from runner.data.sources import raw_rows, scan
from runner.insight.figures import gib
from runner.insight.memory.cards import Card
from runner.insight.memory.predict import Fit
from runner.preset import files
from runner.preset.data_sources import DataSource
from runner.preset.draft import Draft
from runner.preset.fields import field_named
from runner.preset.files import LoadedPreset, free_name
from runner.preset.reading import Reading

SAMPLE_ROWS = 200
# From large to small; the first that fits is taken.
BASES = ("qlora-8b-80gb", "qlora-8b-24gb", "qlora-quickstart")
# Without a GPU: a model that trains in minutes all the same.
WITHOUT_GPU = "demo"
# What in it is there to be looked at, and not for rows of one's own.
NOT_OF_THE_DEMO = {"train.warmup_steps": 0.05, "eval.eval_steps": "auto", "eval.max_eval_samples": "auto"}
BATCH, ACCUMULATION = "train.per_device_train_batch_size", "train.gradient_accumulation_steps"
EFFECTIVE_BATCH = 16


@dataclass(frozen=True)
class FirstRun:
    """A proposal: a preset `name` on top of `base` with `changes`, told in `lines`. `problem` says why it cannot be
    launched as it is; `skips` that rows which cannot be used are left out.
    """

    data: Path
    name: str
    base: str
    changes: Mapping[str, Any]
    lines: tuple[str, ...] = ()
    problem: str = ""
    bad_rows: int = 0
    found: Assessment | None = field(default=None, repr=False)

    @property
    def overrides(self) -> list[str]:
        """The changes as `--set` takes them."""
        return overrides_of(self.changes)

    @property
    def runs_out(self) -> bool:
        """Whether it is predicted to need more memory than there is."""
        return self.found is not None and _runs_out(self.found)

    @property
    def obstacle(self) -> str:
        """Why it cannot be launched as it is: its rows, or what the launch would refuse. Empty when it can."""
        refused = self.found.refusals if self.found is not None else ()
        return self.problem or (f"{refused[0].key}: {refused[0].what}" if refused else "")

    def loaded(self, home: Path, more: Iterable[str] = ()) -> LoadedPreset:
        """The preset as it would be, without a file of it. Raises PresetError."""
        return files.load(self.base, home, [*self.overrides, *more])

    def draft(self, home: Path) -> Draft:
        """The preset to be edited, without a file yet. Raises PresetError."""
        draft = Draft.extending(self.base, home, self.name, f"Rows of {self.data.name}.")
        for key, value in self.changes.items():
            draft.set_value(field_named(key), value)
        return draft

    def save(self, home: Path) -> Path:
        """Write the preset under its name. Raises PresetError, OSError."""
        return self.draft(home).save()


def overrides_of(changes: Mapping[str, Any]) -> list[str]:
    """Changes of settings as `--set` takes them. JSON is YAML, whatever stands in a path or a column's name."""
    return [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in changes.items()]


def is_data_file(text: str) -> bool:
    """Whether what was typed in the place of a preset is a file of rows."""
    path = places.expanded(text)
    return not text.endswith((".yaml", ".yml")) and ("/" in text or "." in text) and path.is_file()


def propose(
    data: Path, home: Path, model: str | None = None, skip_bad: bool = False, where: Path | None = None
) -> FirstRun:
    """Look at a file and propose a run on it, with `model` or with one that is here, or that a preset names. Takes
    seconds. Raises DataError when the file is none of rows, PresetError for a model that cannot be named.
    """
    data = places.absolute(data)
    container = open_container(data, "the file")
    shapes, bad, first_bad = _sampled(data, Reading())
    changes: dict[str, Any] = {"data.train_dataset": str(data), "data.eval_dataset": None}
    if not shapes and (pair := _two_columns(data)) is not None:
        # Names in another language, say: two columns are a question and its answer more often than anything else.
        named = _sampled(data, Reading(columns=pair))
        if named[0]:
            shapes, bad, first_bad = named
            changes["data.columns"] = pair
    if skip_bad:
        changes["data.on_bad_rows"] = "skip"
    card = best_card(gpu.read())
    base, chosen, why, found = _chosen(
        home, card, changes, model, where or places.standing(), container.count()
    )
    name = free_name(home, re.sub(r"[^A-Za-z0-9_-]+", "-", data.name.split(".")[0]).strip("-") or "rows")
    problem = ""
    if not shapes:
        problem = f"none of the rows looked at can be used: {first_bad}"
    elif bad and not skip_bad:
        problem = f"{bad} of the rows looked at cannot be used; {first_bad}"
    lines = _lines(data, container, shapes, home, name, base, why, found)
    # Of a file without a row of use none can be left out.
    return FirstRun(data, name, base, chosen, lines, problem, bad if shapes else 0, found)


def _two_columns(data: Path) -> dict[str, str] | None:
    """The two columns of a file as a question and an answer; None where there are more, or fewer."""
    first = next(raw_rows(DataSource("train", "the file", str(data))), None)
    if first is None or isinstance(first, BadRow) or len(first) != 2:
        return None
    return dict(zip(("question", "answer"), map(str, first), strict=True))


def _sampled(data: Path, reading: Reading) -> tuple[Counter[str], int, str]:
    """The shapes of the first rows, how many cannot be used, and the first of those in words."""
    shapes: Counter[str] = Counter()
    bad, first = 0, ""
    for row in islice(scan(DataSource("train", "the file", str(data), reading=reading)), SAMPLE_ROWS):
        if not isinstance(row, BadRow):
            shapes[row.format.value] += 1
        elif not row.is_left_out:
            bad += 1
            first = first or f"row {row.number}: {row.reason}"
    if not shapes and not bad:
        raise DataError(f"{data} has no rows.", "Give it some, a JSON object a line: docs/data.md.")
    return shapes, bad, first


def _chosen(
    home: Path,
    card: Card | None,
    changes: Mapping[str, Any],
    model: str | None,
    where: Path,
    rows: int | None,
) -> tuple[str, dict[str, Any], str, Assessment]:
    """(preset to build on, all changes, where its model comes from, its assessment): the first that fits the card."""
    last: tuple[str, dict[str, Any], str, Assessment] | None = None
    candidates = _candidates(card, model, where)
    # A preset that fits as it is goes before one whose batch would have to be cut.
    for cuts, (base, name, why) in itertools.product((False, True), candidates):
        wanted = dict(changes) if name is None else {**changes, "model.model_name_or_path": name}
        if base == WITHOUT_GPU:
            wanted |= NOT_OF_THE_DEMO
        found = _assessed(base, wanted, home, card, rows)
        for pair in _smaller(found) if cuts or name is not None else ():
            wanted |= {BATCH: pair[0], ACCUMULATION: pair[1]}
            found = _assessed(base, wanted, home, card, rows)
        last = base, wanted, why, found
        if not _runs_out(found) and not any(one.id.startswith("model-") for one in found.refusals):
            return last
    assert last is not None
    return last


def _candidates(card: Card | None, model: str | None, where: Path) -> list[tuple[str, str | None, str]]:
    if model is not None:
        name = str(places.absolute(model)) if places.expanded(model).is_dir() else model
        return [("qlora-quickstart", name, "as you said")]
    found: list[tuple[str, str | None, str]] = [
        ("qlora-quickstart", one.name, one.place) for one in own_models(where)
    ]
    if card is None:
        return [*found, (WITHOUT_GPU, None, "the demo's, to try it out: there is no GPU here")]
    return [*found, *((base, None, "from the hub") for base in BASES)]


def _assessed(
    base: str, changes: Mapping[str, Any], home: Path, card: Card | None, rows: int | None
) -> Assessment:
    return assess(files.load(base, home, overrides_of(changes)).preset, this_machine(card), home, lines=rows)


def _runs_out(found: Assessment) -> bool:
    return found.prediction is not None and found.prediction.fit is Fit.RUNS_OUT


def _smaller(found: Assessment) -> list[tuple[int, int]]:
    """The largest batch that fits, where the preset's own does not; nothing when it does, or when none does."""
    if not _runs_out(found):
        return []
    fitting = [one for one in found.proposals(EFFECTIVE_BATCH) if one.fits]
    return [(fitting[0].per_device, fitting[0].accumulation)] if fitting else []


def _lines(
    data: Path,
    container: Container,
    shapes: Counter[str],
    home: Path,
    name: str,
    base: str,
    why: str,
    found: Assessment,
) -> tuple[str, ...]:
    preset, plan, prediction = found.preset, found.plan, found.prediction
    model = preset.model.model_name_or_path
    shown = "/".join(Path(model).parts[-2:]) if model.startswith("/") else model
    count = container.count()
    rows = f"{count:,} rows" if count is not None else f"{sum(shapes.values())} rows of use so far"
    kinds = " and ".join(shapes) or "no known shape"
    columns = (
        [" and ".join(preset.data.columns.values()) + " are question and answer"]
        if preset.data.columns
        else []
    )
    notes = "".join(f" · {note}" for note in (*columns, *container.remarks))
    memory = found.memory_problem or "not predicted"
    if prediction is not None:
        memory = (
            f"{gib(prediction.train.need)} of {gib(prediction.card.free_mib)} GiB free on {prediction.card.name}: "
            f"{prediction.fit.value}"
        )
    steps = f" · {plan.total_steps:,} steps" if plan is not None else ""
    batch = preset.train.per_device_train_batch_size * preset.train.gradient_accumulation_steps
    place = files.own_folder(home) / f"{name}.yaml"
    return (
        f"Data    {data.name} · {rows} · {kinds}{notes}",
        f"Model   {shown} · {why}",
        f"Memory  {memory}",
        f"Train   {preset.method} · {preset.train.num_train_epochs:g} epochs{steps} of {batch} rows · "
        f"{100 * preset.data.eval_fraction:g} % held out",
        f"Preset  {name}, on top of {base}: {place}",
    )
