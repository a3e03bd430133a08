"""data.skip_rows: rows that are left out before anything else is done with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.data.errors import DataError
from runner.preset.data_sources import data_sources
from runner.preset.errors import PresetError
from runner.preset.schema import Preset
from runner.train import xray
from tests.train.small_runs import built, read_rows, write_rows
from tests.train.test_xray import LIMIT, agrees, examined, preset_of, random_rows

ROWS = 120


def preset(folder: Path, skipped: list[int], *overrides: str) -> Preset:
    path = write_rows(folder / "rows.jsonl", random_rows(1, ROWS - 9, copies=9))
    wanted = (f"data.skip_rows={skipped}", f"train.max_length={LIMIT}", *overrides)
    return preset_of(folder, path, *wanted)


@pytest.mark.parametrize("skipped", [[], [1], [120], [3, 3, 50, 77], [500], list(range(2, 90))], ids=str)
def test_they_are_read_by_nobody_and_the_others_keep_their_numbers(
    tmp_path: Path, skipped: list[int]
) -> None:
    wanted = preset(tmp_path, skipped)
    left = [number for number in range(1, ROWS + 1) if number not in skipped]
    assert [row.number for row in read_rows(data_sources(wanted.data)[0])] == left
    data = built(wanted)
    assert data.ledger.rows_read == len(left)
    kept = {number for names in data.names for _, number in names} | {row.number for row in data.held_out}
    assert kept <= set(left)
    assert len(data.learned) == data.ledger.train_rows


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("data.eval_fraction=0",),
        ("data.max_train_samples=45",),
        ("train.packing=true",),
        ("data.mix=[{{dataset: {folder}/rows.jsonl, ratio: 0.3}}]",),
    ],
    ids=["split off", "no evaluation", "a trial", "packed", "mixed with the same file"],
)
def test_the_xray_counts_as_the_trainer_does(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    placed = [text.format(folder=tmp_path) for text in overrides]
    wanted = preset(tmp_path, [1, 4, 60, 61, 118], *placed)
    agrees(examined(wanted, tmp_path / "xray"), built(wanted), wanted)


def test_rows_of_other_sources_are_not_left_out(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "held.jsonl", random_rows(2, 20))
    wanted = preset(tmp_path, list(range(1, 20)), f"data.eval_dataset={path}")
    assert built(wanted).ledger.eval_rows > 15
    report = examined(wanted, tmp_path / "xray")
    assert [source.rows_read for source in report.sources] == [ROWS - 19, 20]


def test_a_bad_row_that_is_skipped_stops_nobody(tmp_path: Path) -> None:
    """Line 4 is row 3: blank lines are no rows."""
    path = tmp_path / "torn.jsonl"
    path.write_text('{"text": "one"}\n\n{"text": "two"}\n{"text": "torn\n{"text": "four"}\n{"txt": "five"}\n')
    with pytest.raises(DataError, match="line 4: not JSON"):
        read_rows(data_sources(preset_of(tmp_path, path).data)[0])
    with pytest.raises(DataError, match="row 5: has txt"):
        read_rows(data_sources(preset_of(tmp_path, path, "data.skip_rows=[3]").data)[0])
    wanted = preset_of(tmp_path, path, "data.skip_rows=[3, 5]", "data.eval_fraction=0")
    data = built(wanted)
    assert data.names == [[(0, 1)], [(0, 2)], [(0, 4)]]
    report = examined(wanted, tmp_path / "xray")
    assert report.sources[0].bad.count == 0
    assert (report.sources[0].rows_read, report.train_rows) == (3, 3)
    agrees(report, data, wanted)


def test_when_all_are_left_out_that_is_said(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "two.jsonl", [{"text": "one"}, {"text": "two"}])
    with pytest.raises(DataError, match="has no rows"):
        read_rows(data_sources(preset_of(tmp_path, path, "data.skip_rows=[1, 2]").data)[0])


@pytest.mark.parametrize("value", ["[0]", "[-1]", "[1.5]", "3", "[x]"])
def test_what_is_no_row_number_is_refused(tmp_path: Path, value: str) -> None:
    path = write_rows(tmp_path / "two.jsonl", [{"text": "one"}])
    with pytest.raises(PresetError, match="skip_rows"):
        preset_of(tmp_path, path, f"data.skip_rows={value}")


def test_no_more_rows_are_expected_than_are_read(tmp_path: Path) -> None:
    report = examined(preset(tmp_path, [1, 4, 60]), tmp_path / "xray")
    assert report.sources[0].rows_expected == report.sources[0].rows_read == ROWS - 3


def test_a_sample_of_a_large_file_leaves_them_out_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first report, of a part of the rows, has none of the skipped ones, which are all bad here."""
    monkeypatch.setattr(xray, "SAMPLED_FROM", 50)
    monkeypatch.setattr(xray, "SAMPLE_ROWS", 100)
    lines = ["{torn" if i % 2 else json.dumps({"text": f"row {i}"}) for i in range(200)]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(lines) + "\n")
    seen: list[int] = []
    stock = xray.Xray._add

    def add(self, found, source, row):  # type: ignore[no-untyped-def]
        seen.append(row.number)
        stock(self, found, source, row)

    monkeypatch.setattr(xray.Xray, "_add", add)
    wanted = preset_of(tmp_path, path, f"data.skip_rows={list(range(2, 201, 2))}")
    report = examined(wanted, tmp_path / "xray")
    assert len(seen) > 130
    assert all(number % 2 for number in seen)
    assert (report.sources[0].bad.count, report.sources[0].rows_read) == (0, 100)
    assert capsys.readouterr().out.count('"report"') == 2
