"""What is said of the data from its lengths, and the report as a file."""

from __future__ import annotations

import itertools
import json
import math
import random
from dataclasses import fields, replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.insight.data import (
    DEFECTS,
    DataReport,
    DefectKind,
    Defects,
    Note,
    Source,
    histogram,
    quantile,
)
from runner.insight.data_json import report_from_json
from tui.cli.assessment import _print_data as print_data
from tui.widgets.data_ledger import entries

lengths = st.dictionaries(st.integers(1, 400), st.integers(1, 30), min_size=1, max_size=30)
max_lengths = st.integers(1, 500)


def rows_of(counts: dict[int, int]) -> list[int]:
    return [length for length, count in sorted(counts.items()) for _ in range(count)]


# As a file

names = st.text(max_size=8)
counts = st.integers(0, 10**9)
defects = st.builds(
    Defects, counts, st.lists(st.builds(Note, st.integers(1, 10**9), names), max_size=3).map(tuple)
)
sources = st.builds(
    Source,
    names,
    names,
    counts,
    st.none() | counts,
    st.dictionaries(names, counts, max_size=3),
    defects,
    names,
)
reports = st.builds(
    DataReport,
    key=names,
    complete=st.booleans(),
    sampled=st.booleans(),
    max_length=counts,
    sources=st.lists(sources, max_size=3).map(tuple),
    train_rows=counts,
    eval_rows=counts,
    general_rows=counts,
    mix_rows=counts,
    held_out_rows=counts,
    lengths=lengths,
    eval_lengths=lengths,
    tokens=counts,
    trained_tokens=counts,
    tokens_lost=counts,
    truncated=defects,
    untrained=defects,
    untrained_turns=counts,
    duplicates=defects,
    overlap=defects,
    end_untrained=defects,
    doubled_bos=defects,
    pad_is_eos=st.booleans(),
    ends_with_eos=st.booleans(),
    seconds=st.floats(0, 1e6),
    problem=names,
    hint=names,
)


@given(reports)
def test_a_report_comes_back_as_it_was_written(report: DataReport) -> None:
    assert report_from_json(json.loads(json.dumps(report.as_json()))) == report


@pytest.mark.parametrize("schema", [None, 0, 1, "1", [1]])
def test_a_report_of_another_version_is_none(schema: object) -> None:
    assert report_from_json({**DataReport().as_json(), "schema": schema}) is None


@pytest.mark.parametrize(
    "garbage",
    [
        {"lengths": 5},
        {"lengths": {"long": 1}},
        {"lengths": {"5": None}},
        {"lengths": {"5": math.inf}},
        {"truncated": None},
        {"truncated": {"count": 1}},
        {"truncated": {"count": 1, "notes": [{"row": 1}]}},
        {"truncated": {"count": math.inf, "notes": []}},
        {"sources": None},
        {"sources": [5]},
        {"sources": [{"name": "train"}]},
        {"sources": [{"name": "train", "place": "x", "bad": {"count": 0, "notes": []}, "colour": "red"}]},
        {"train_rows": "many"},
        {"tokens": None},
        {"problem": 5},
        {"sources": [{"name": "train", "place": "x", "bad": {"count": 0, "notes": []}, "rows_read": "all"}]},
    ],
    ids=str,
)
def test_a_report_with_garbage_is_none(garbage: dict[str, Any]) -> None:
    assert report_from_json({**DataReport().as_json(), **garbage}) is None


@pytest.mark.parametrize("missing", ["truncated", "sources", "lengths"])
def test_a_report_without_its_parts_is_none(missing: str) -> None:
    value = DataReport().as_json()
    del value[missing]
    assert report_from_json(value) is None


def test_what_a_newer_writer_adds_is_left_alone() -> None:
    assert report_from_json({**DataReport(tokens=3).as_json(), "mood": "good"}) == DataReport(tokens=3)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(DataReport().as_json())), json_values, max_size=4))
def test_any_json_is_a_report_or_none(garbage: dict[str, Any]) -> None:
    report = report_from_json({**DataReport().as_json(), **garbage})
    assert report is None or isinstance(report, DataReport)


# Counts


def source(rows: int, expected: int | None, bad: int = 0) -> Source:
    return Source("train", "x", rows, expected, bad=Defects(bad))


@pytest.mark.parametrize(
    ("sources", "complete", "progress"),
    [
        ((source(50, 100),), False, 0.5),
        ((source(50, 100), source(0, 100)), False, 0.25),
        ((source(50, None),), False, 0.0),
        ((source(50, 100), source(5, None)), False, 0.0),
        ((source(150, 100),), False, 1.0),
        ((), False, 0.0),
        ((source(0, 0),), False, 0.0),
        ((source(50, None),), True, 1.0),
    ],
)
def test_progress_is_the_share_of_rows_read(
    sources: tuple[Source, ...], complete: bool, progress: float
) -> None:
    assert DataReport(sources=sources, complete=complete).progress == progress


def test_rows_and_bad_rows_are_those_of_all_sources() -> None:
    report = DataReport(sources=(source(50, 100, 2), source(7, 7, 1)))
    assert (report.rows_read, report.bad_rows) == (57, 3)


@pytest.mark.parametrize(("tokens", "trained", "share"), [(0, 0, None), (100, 40, 0.4), (100, 0, 0.0)])
def test_the_trained_share_is_unknown_without_tokens(tokens: int, trained: int, share: float | None) -> None:
    assert DataReport(tokens=tokens, trained_tokens=trained).trained_share == share


# Lengths


def test_without_rows_every_figure_is_nothing() -> None:
    empty = DataReport()
    assert (empty.longest, empty.eval_longest, empty.cut_at(10)) == (0, 0, (0, 0))
    assert (empty.mean_length(10), empty.expected_longest(4, 10)) == (0.0, 0.0)
    assert (empty.packed(10, False), empty.packing_fill(10, False)) == (0, 0.0)
    assert quantile({}, 0.5) == 0
    assert histogram({}, 10) == []


@given(lengths, max_lengths)
def test_rows_are_cut_as_if_one_by_one(counts: dict[int, int], most: int) -> None:
    rows, report = rows_of(counts), DataReport(lengths=counts)
    longer = [row for row in rows if row > most]
    assert report.cut_at(most) == (len(longer), sum(row - most for row in longer))
    assert report.mean_length(most) == pytest.approx(sum(min(row, most) for row in rows) / len(rows))
    assert report.longest == max(rows)


@given(lengths, st.integers(0, 100))
def test_a_quantile_is_the_shortest_length_that_is_long_enough(counts: dict[int, int], percent: int) -> None:
    rows, found = rows_of(counts), quantile(counts, percent / 100)
    assert found in counts
    wanted = len(rows) * percent
    # Whole numbers decide; a hair's breadth is the arithmetic's own.
    assert 100 * sum(row <= found for row in rows) >= wanted - 1e-6
    assert 100 * sum(row < found for row in rows) <= wanted + 1e-6


def test_known_quantiles() -> None:
    counts = {10: 50, 20: 45, 300: 5}
    assert [quantile(counts, share) for share in (0.0, 0.5, 0.51, 0.95, 0.96, 1.0)] == [
        10,
        10,
        20,
        20,
        300,
        300,
    ]


@given(lengths, st.integers(1, 40))
def test_a_histogram_counts_every_row_once(counts: dict[int, int], buckets: int) -> None:
    bars = histogram(counts, buckets)
    assert 1 <= len(bars) <= buckets
    assert bars[0][0] == 1
    assert bars[-1][0] <= max(counts) <= bars[-1][1]
    for (_, end, _), (begin, _, _) in itertools.pairwise(bars):
        assert begin == end + 1
    assert len({end - begin for begin, end, _ in bars}) == 1
    rows = rows_of(counts)
    assert [count for _, _, count in bars] == [
        sum(begin <= row <= end for row in rows) for begin, end, _ in bars
    ]


@given(lengths, st.integers(1, 64), max_lengths)
def test_the_expected_longest_lies_between_mean_and_longest(
    counts: dict[int, int], batch: int, most: int
) -> None:
    report = DataReport(lengths=counts)
    expected = report.expected_longest(batch, most)
    assert report.mean_length(most) <= expected + 1e-6
    assert expected <= min(most, report.longest) + 1e-6
    assert report.expected_longest(1, most) == pytest.approx(report.mean_length(most))
    assert report.expected_longest(batch + 1, most) >= expected - 1e-6


@pytest.mark.parametrize("batch", [2, 4, 16])
@pytest.mark.parametrize(
    "counts", [{10: 90, 500: 10}, dict.fromkeys(range(1, 200), 1), {100: 5, 130: 3, 400: 1}]
)
def test_the_expected_longest_is_that_of_batches_drawn_at_random(counts: dict[int, int], batch: int) -> None:
    draw, rows, times = random.Random(42), rows_of(counts), 4000
    drawn = [min(300, max(draw.choices(rows, k=batch))) for _ in range(times)]
    mean = sum(drawn) / times
    error = math.sqrt(sum((one - mean) ** 2 for one in drawn)) / times
    assert abs(DataReport(lengths=counts).expected_longest(batch, 300) - mean) <= 4 * error


@given(lengths, max_lengths, st.booleans())
def test_packed_rows_are_at_most_full(counts: dict[int, int], most: int, split: bool) -> None:
    report = DataReport(lengths=counts, complete=True)
    fill = report.packing_fill(most, split)
    assert 0 < fill <= 1
    kept = sum(row if split else min(row, most) for row in rows_of(counts))
    assert fill * most * report.packed(most, split) == pytest.approx(kept)


def test_a_part_that_was_seen_packs_as_the_whole() -> None:
    part = DataReport(lengths={512: 100}, train_rows=1000, complete=False)
    assert part.packed(1024, False) == 500
    whole = DataReport(lengths={512: 100}, train_rows=1000, complete=True)
    assert whole.packed(1024, False) == 50


# Defects


def test_every_count_of_defects_is_a_kind_of_the_table() -> None:
    counted = {item.name for item in fields(DataReport) if item.type == "Defects"}
    assert counted == {kind.field for kind in DEFECTS}
    assert DataReport().defects == ()


@pytest.mark.parametrize("kind", DEFECTS, ids=lambda kind: kind.field)
def test_every_kind_is_shown_wherever_defects_are(
    kind: DefectKind, capsys: pytest.CaptureFixture[str]
) -> None:
    defects = Defects(7, tuple(Note(row, "because") for row in range(11, 18)))
    report = DataReport(
        complete=True, train_rows=9, sources=(Source("train", "/rows.jsonl", 9),), lengths={3: 9}
    )
    report = replace(report, **cast(Any, {kind.field: defects}))
    assert report.defects == ((kind, defects),)
    listed = {text.plain.strip(): id_ for text, id_ in entries(report)}
    assert any(line.endswith(f"{kind.words}: 7") for line in listed)
    assert f"{kind.words}|{kind.source}|17" in listed.values()
    print_data(report)
    assert f"{kind.words}: 7, row 11, 12, 13, 14, 15 …" in capsys.readouterr().out
