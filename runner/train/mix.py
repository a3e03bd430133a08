"""General data blended into training, against catastrophic forgetting."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from runner.insight import split
from runner.preset.schema import Preset
from runner.train import sources
from runner.train.rows import Row


def draw(preset: Preset, own: int, held_out: Set[str] = frozenset()) -> tuple[list[list[Row]], list[Row]]:
    """(rows to train on for each source of data.mix, rows of general ability to evaluate on), beside `own` rows.

    Rows with a key in `held_out` are evaluated on, and left out of the mix.

    The evaluation rows are those the preset names, or some held out of the mix before anything is drawn for training.
    A source that is too small gives what it has.
    """
    named = sources.general_rows(preset)
    ratios = sum(source.ratio for source in preset.data.mix)
    mixed: list[list[Row]] = []
    general: list[Row] = list(named or [])
    most = preset.eval.most_rows
    for place, source in enumerate(preset.data.mix):
        rows = [replace(row, source=place + 1) for row in sources.mix_rows(source) if row.key not in held_out]
        # Sources get different draws of one seed: the same file named twice is not drawn alike.
        seed = preset.train.seed + place
        if named is None:
            held = split.held_out([row.key for row in rows], preset.data.eval_fraction, most, seed)
            general += [rows[i] for i in sorted(held)]
            rows = [row for i, row in enumerate(rows) if i not in held]
        wanted = split.blended_size(own, source.ratio, ratios)
        mixed.append([rows[i] for i in split.sample(len(rows), wanted, seed)])
    return mixed, [general[i] for i in split.sample(len(general), most, preset.train.seed)]


def blend(own: list[Row], mixed: Sequence[list[Row]]) -> list[Row]:
    """Own rows and mixed ones merged evenly."""
    lists = [iter(rows) for rows in (own, *mixed)]
    return [next(lists[which]) for which in split.interleave([len(own), *(len(rows) for rows in mixed)])]
