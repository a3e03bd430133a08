"""Files as they come: containers, encodings, dialects; and what is no file of rows at all."""

from __future__ import annotations

import bz2
import datetime
import decimal
import gzip
import json
import lzma
import os
import socket
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.data.errors import DataError
from runner.data.raw import BadRow
from runner.data.row import Row
from runner.data.sources import scan
from runner.preset.data_sources import DataSource
from runner.preset.reading import Reading
from tests.train.small_runs import file_source, read_rows

# Enough of a language that its encoding can be told.
ROWS = [
    {
        "prompt": f"Wie heißt die größte Straße in Köln, und welche Nummer hat das Haus {i}?",
        "completion": f" Es hat die Nummer {i}, sagt “Jonas” für 5 €.",
    }
    for i in range(40)
]


def as_lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def as_csv(rows: list[dict[str, Any]], delimiter: str = ",") -> str:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    lines = [delimiter.join(rows[0])]
    return (
        "\n".join([*lines, *(delimiter.join(cell(str(one)) for one in row.values()) for row in rows)]) + "\n"
    )


CONTAINERS: dict[str, tuple[str, Callable[[list[dict[str, Any]]], str]]] = {
    "lines": (".jsonl", as_lines),
    "lines called json": (".json", as_lines),
    "CRLF": (".jsonl", lambda rows: as_lines(rows).replace("\n", "\r\n")),
    "blank lines": (".jsonl", lambda rows: "\n\n" + as_lines(rows).replace("\n", "\n\n")),
    "a list": (".json", lambda rows: json.dumps(rows, ensure_ascii=False)),
    "a list called jsonl": (".jsonl", lambda rows: json.dumps(rows, ensure_ascii=False)),
    "an indented list": (".jsonl", lambda rows: json.dumps(rows, ensure_ascii=False, indent=2)),
    "indented objects": (
        ".jsonl",
        lambda rows: "\n".join(json.dumps(row, ensure_ascii=False, indent=1) for row in rows),
    ),
    "an object around them": (
        ".json",
        lambda rows: json.dumps({"version": 1, "data": rows}, ensure_ascii=False),
    ),
    "a list a column": (
        ".json",
        lambda rows: json.dumps({key: [row[key] for row in rows] for key in rows[0]}, ensure_ascii=False),
    ),
    "commas": (".csv", as_csv),
    "semicolons": (".csv", lambda rows: as_csv(rows, ";")),
    "tabs": (".tsv", lambda rows: as_csv(rows, "\t")),
    "capitals": (".JSONL", as_lines),
    "capitals in the header": (
        ".csv",
        lambda rows: as_csv(rows).replace("prompt,completion", "Prompt, Completion "),
    ),
}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252")
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: pyarrow.Codec("zstd").compress(data).to_pybytes(),
}


def keys(path: Path) -> list[str]:
    return [row.key for row in read_rows(file_source(path))]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", CONTAINERS)
def test_the_same_rows_in_every_container_and_encoding(name: str, encoding: str, tmp_path: Path) -> None:
    ending, written = CONTAINERS[name]
    path, plain = tmp_path / f"rows{ending}", tmp_path / "plain.jsonl"
    path.write_bytes(written(ROWS).encode(encoding))
    plain.write_text(as_lines(ROWS), encoding="utf-8")
    assert keys(path) == keys(plain)


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("name", ["lines", "a list", "commas"])
def test_packed_files_are_unpacked(name: str, packed: str, tmp_path: Path) -> None:
    ending, written = CONTAINERS[name]
    path, plain = tmp_path / f"rows{ending}{packed}", tmp_path / "plain.jsonl"
    path.write_bytes(PACKED[packed](written(ROWS).encode()))
    plain.write_text(as_lines(ROWS), encoding="utf-8")
    assert keys(path) == keys(plain)


@pytest.mark.parametrize("kind", ["parquet", "arrow stream", "arrow file"])
def test_columns_of_arrow(kind: str, tmp_path: Path) -> None:
    table = pyarrow.Table.from_pylist(ROWS)
    path, plain = tmp_path / f"rows.{kind.split()[0]}", tmp_path / "plain.jsonl"
    if kind == "parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        opened = pyarrow.ipc.new_stream if kind == "arrow stream" else pyarrow.ipc.new_file
        with opened(path, table.schema) as writer:
            writer.write_table(table)
    plain.write_text(as_lines(ROWS), encoding="utf-8")
    assert keys(path) == keys(plain)


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(str.strip)


@settings(max_examples=60)
@given(st.lists(st.tuples(texts, texts), min_size=3, max_size=8), st.sampled_from(sorted(CONTAINERS)))
def test_any_text_comes_back_from_any_container(pairs: list[tuple[str, str]], name: str) -> None:
    ending, written = CONTAINERS[name]
    rows = [{"prompt": prompt, "completion": answer} for prompt, answer in pairs]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows{ending}"
        path.write_text(written(rows), encoding="utf-8", newline="")
        found = read_rows(file_source(path))
    assert [(row.prompt, row.text) for row in found] == [(p, p + a) for p, a in pairs]


# Encodings that cannot be told


def test_spoilt_bytes_of_a_utf8_file_are_rows_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    lines = as_lines(ROWS).encode().splitlines(keepends=True)
    lines[6] = lines[6].replace("ö".encode(), b"\xf6")
    path.write_bytes(b"".join(lines))
    bad = [row for row in scan(file_source(path)) if isinstance(row, BadRow)]
    assert [(row.number, row.line, row.reason) for row in bad] == [
        (7, 7, "byte 0xf6 at character 29 is not UTF-8")
    ]


def test_an_encoding_that_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(as_lines([{"text": "Où est l'été déjà vu à Besançon?"}] * 20).encode("latin-1"))
    with pytest.raises(DataError, match=r"line 1: byte 0xf9 at 12 is not UTF-8, and the encoding") as caught:
        read_rows(file_source(path))
    assert "data.encoding:" in caught.value.hint
    named = replace(file_source(path), reading=Reading(encoding="cp1252"))
    assert read_rows(named)[0].text.startswith("Où est l'été")


# What is no file of rows


def refused(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        list(scan(file_source(path)))
    return caught.value


def test_what_is_no_file_is_said_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    assert "is a pipe, no file" in refused(pipe).message
    folder = tmp_path / "rows"
    folder.mkdir()
    assert "is a folder, no data file" in refused(folder).message
    (folder / "data-00000-of-00001.arrow").write_bytes(b"")
    assert str(folder / "data-00000-of-00001.arrow") in refused(folder).hint
    link = tmp_path / "link.jsonl"
    link.symlink_to(folder)
    assert f"is a link to {folder}, which is a folder" in refused(link).message
    assert "is a device" in refused(Path("/dev/null")).message
    place = tmp_path / "socket.jsonl"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(place))
        assert "is a socket" in refused(place).message


@pytest.mark.parametrize(
    ("begins", "words"), [(b"PK\x03\x04rest", "a zip archive"), (b"%PDF-1.7 rest of it", "a PDF")]
)
def test_archives_are_named(begins: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(begins)
    assert words in refused(path).message


def test_a_packed_file_that_is_cut_short_says_so(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(as_lines(ROWS * 50).encode())[:-40])
    assert "Compressed file ended before" in refused(path).message


# Tables


def table(tmp_path: Path, text: str) -> list[Row | BadRow]:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    return list(scan(file_source(path)))


def test_a_spare_or_a_missing_cell_is_a_bad_row_with_its_line(tmp_path: Path) -> None:
    found = table(tmp_path, "prompt,completion\na,b\nc,d,e\nf\ng,h\n")
    bad = {row.number: (row.line, row.reason) for row in found if isinstance(row, BadRow)}
    assert bad == {
        2: (3, "has 3 cells, and the header names 2"),
        3: (4, "has 1 cells, and the header names 2"),
    }


def test_cells_over_several_lines_are_cells(tmp_path: Path) -> None:
    found = table(tmp_path, 'prompt,completion\n"one\ntwo, three\nfour, five\nsix",b\nc,d\n')
    assert [row.text for row in found if isinstance(row, Row)] == ["one\ntwo, three\nfour, five\nsixb", "cd"]


def test_a_quote_that_is_not_closed_costs_its_row_and_no_other(tmp_path: Path) -> None:
    inner = "".join(f"Name {i},item {i}\n" for i in range(9))
    found = table(tmp_path, f'prompt,completion\na,b\n"Name,item\n{inner}z,"item"\nc,d\n')
    bad = [row for row in found if isinstance(row, BadRow)]
    assert (len(found), [row.line for row in bad]) == (13, [3])


def test_blank_lines_and_commas_of_a_cell_are_its_own(tmp_path: Path) -> None:
    """Paragraphs, and lines that look like rows: what is quoted well is one cell."""
    cell = "Here:\n\nBerlin, Germany\nParis, France\nRome, Italy\nBern, Switzerland\n\n    code\nThat is all"
    found = table(tmp_path, f'\nprompt,completion\n\n"Capitals?","{cell}"\n\nq2,a2\n\n')
    assert [row.text for row in found if isinstance(row, Row)] == [f"Capitals?{cell}", "q2a2"]


def test_a_column_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names the column answer twice"):
        table(tmp_path, "question,answer,Answer\nq,first,second\n")


def test_nulls_that_arrow_makes_are_none_of_the_rows(tmp_path: Path) -> None:
    """Each call gets every key that any other has."""
    calls = [{"city": "Bern"}, {"ticker": "X"}]
    rows = [
        {
            "messages": [
                {"role": "user", "content": "q"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"function": {"name": "f", "arguments": arguments}}],
                },
            ]
        }
        for arguments in calls
    ]
    path = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    found = [
        row.messages[1]["tool_calls"][0]["function"]["arguments"] for row in read_rows(file_source(path))
    ]
    assert found == calls


def test_dates_and_decimals_are_text_and_bytes_are_not(tmp_path: Path) -> None:
    def written(value: Any) -> Path:
        path = tmp_path / "rows.parquet"
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist([{"question": "q", "answer": value}]), path)
        return path

    assert (
        read_rows(file_source(written(datetime.date(2024, 2, 29))))[0].messages[1]["content"] == "2024-02-29"
    )
    assert read_rows(file_source(written(decimal.Decimal("1.50"))))[0].messages[1]["content"] == "1.50"
    with pytest.raises(DataError, match="its answer is bytes, not text"):
        read_rows(file_source(written(b"x")))


# Text


def test_a_text_is_its_paragraphs(tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_text("# Title\n\nOne\nand more.\n\n\nTwo.\n")
    assert [row.text for row in read_rows(file_source(path))] == ["# Title", "One\nand more.", "Two."]
    path.write_text("One.\nTwo.\n")
    assert [row.text for row in read_rows(file_source(path))] == ["One.", "Two."]


# Parts


@pytest.mark.parametrize(
    ("split", "numbers"),
    [
        ("train", range(1, 41)),
        ("train[:3]", range(1, 4)),
        ("train[38:]", range(39, 41)),
        ("train[10%:15%]", range(5, 7)),
        ("train[-2:]", range(39, 41)),
        ("train[5:3]", range(0)),
    ],
)
def test_a_slice_of_a_local_file(split: str, numbers: range, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(as_lines(ROWS), encoding="utf-8")
    source = DataSource("train", "data.train_dataset", str(path), split)
    assert [row.number for row in scan(source)] == list(numbers)


@pytest.mark.parametrize("split", ["validation", "train[:", "train[1:2:3]", ""])
def test_a_split_that_a_file_has_not_is_refused(split: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(as_lines(ROWS), encoding="utf-8")
    with pytest.raises(DataError, match="split"):
        list(scan(DataSource("train", "data.train_dataset", str(path), split)))
