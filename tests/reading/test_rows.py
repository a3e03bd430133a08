"""Rows of every common shape are recognised; anything else is an error that names the row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.data.errors import DataError
from runner.data.row import RowError, RowFormat
from runner.data.shapes import normalise
from runner.preset.data_sources import DataSource
from tests.train.small_runs import file_source, read_rows

QUESTION = {"role": "user", "content": "q"}
ANSWER = {"role": "assistant", "content": "a"}


@pytest.mark.parametrize(
    ("raw", "shape", "messages"),
    [
        ({"messages": [QUESTION, ANSWER]}, RowFormat.MESSAGES, (QUESTION, ANSWER)),
        (
            {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
            RowFormat.SHAREGPT,
            (QUESTION, ANSWER),
        ),
        ({"instruction": "q", "input": "", "output": "a"}, RowFormat.ALPACA, (QUESTION, ANSWER)),
        (
            {"instruction": "q", "input": "i", "output": "a"},
            RowFormat.ALPACA,
            ({"role": "user", "content": "q\n\ni"}, ANSWER),
        ),
        ({"prompt": [QUESTION], "completion": [ANSWER]}, RowFormat.PROMPT_COMPLETION, (QUESTION, ANSWER)),
    ],
)
def test_conversations(raw: dict[str, Any], shape: RowFormat, messages: tuple[dict[str, str], ...]) -> None:
    row = normalise(raw, 1)
    assert (row.format, row.messages) == (shape, messages)


def test_text_and_prompt_completion() -> None:
    assert normalise({"text": "hello"}, 1).text == "hello"
    row = normalise({"prompt": "2+2=", "completion": "4"}, 1)
    assert (row.prompt, row.text) == ("2+2=", "2+2=4")


def test_a_sharegpt_system_prompt_is_kept() -> None:
    raw = {
        "system": "be kind",
        "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}],
    }
    assert normalise(raw, 1).messages[0] == {"role": "system", "content": "be kind"}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"head": "q", "tail": "a"}, "has head, tail; none of the known shapes"),
        ({}, "no keys at all"),
        ({"messages": []}, "its messages are empty"),
        ({"messages": "hi"}, "text that is no JSON, not a list of turns"),
        ({"messages": [QUESTION]}, "no assistant turn"),
        ({"messages": ["hi"]}, "turn 1 is str"),
        ({"messages": [{"role": "wizard", "content": "x"}, ANSWER]}, "turn 1 has the role 'wizard'"),
        (
            {"messages": [QUESTION, {"role": "assistant", "content": None}]},
            "turn 2 (assistant) has no content",
        ),
        ({"prompt": "p", "completion": ""}, "completion is empty"),
        ({"prompt": "p", "completion": [ANSWER]}, "both be text"),
        ({"instruction": "i", "output": ""}, "output is empty"),
        ({"text": "  "}, "text is empty"),
    ],
)
def test_anything_else_is_an_error_with_its_reason(raw: dict[str, Any], words: str) -> None:
    with pytest.raises(RowError) as caught:
        normalise(raw, 1)
    assert words in str(caught.value)


def test_equal_content_has_equal_keys_whatever_its_shape() -> None:
    chat = normalise({"messages": [QUESTION, ANSWER]}, 1)
    alpaca = normalise({"instruction": "q", "output": "a"}, 9)
    assert chat.key == alpaca.key != normalise({"text": "q"}, 1).key


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "from", "value", "x"]), inner)
    ),
    max_leaves=6,
)
keys = st.sampled_from(
    ["messages", "conversations", "prompt", "completion", "instruction", "output", "text", "system"]
)


@given(st.dictionaries(keys, json_values))
def test_any_row_is_normalised_or_refused(raw: dict[str, Any]) -> None:
    try:
        row = normalise(raw, 1)
    except RowError:
        return
    assert row.messages or row.text


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_same_rows_from_every_kind_of_file(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    rows = [{"prompt": f"p{i}", "completion": "c"} for i in range(5)]
    sources = [
        write(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows)),
        write(tmp_path / "a.json", json.dumps(rows)),
        write(tmp_path / "b.json", json.dumps({"data": rows})),
        write(tmp_path / "a.csv", "prompt,completion\n" + "".join(f"p{i},c\n" for i in range(5))),
    ]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    sources.append(str(tmp_path / "a.parquet"))
    read = [[row.key for row in read_rows(file_source(source))] for source in sources]
    assert all(keys == read[0] for keys in read)
    assert len(read[0]) == 5


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.jsonl", '{"text":"x"}\n{"text":\n', "line 2: not JSON"),
        ("a.jsonl", '{"text":"x"}\n[1]\n', "line 2: list, not an object"),
        ("a.jsonl", '{"text":"x"}\n{"txt":"y"}\n', "row 2: has txt"),
        ("a.jsonl", "", "has no rows"),
        ("a.json", "{", "not JSON"),
        ("a.json", "3", "not a list of rows"),
        ("a.parquet", "junk", "not a readable Parquet file"),
        ("a.bin", "x", "is no data file"),
    ],
)
def test_a_bad_file_names_itself_and_the_place(tmp_path: Path, name: str, text: str, words: str) -> None:
    source = write(tmp_path / name, text)
    with pytest.raises(DataError) as caught:
        read_rows(file_source(source))
    assert source in caught.value.message
    assert words in caught.value.message
    assert caught.value.hint


def test_a_missing_file_and_an_unreachable_name_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_rows(file_source(tmp_path / "none.jsonl"))
    with pytest.raises(DataError, match="starts with"):
        read_rows(DataSource("train", "data.train_dataset", "org/no-such-data-set"))
