"""Rows of real files (tests/data/rows): each is read as it was meant, or refused by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.data.container import Kind
from runner.data.raw import BadRow
from runner.data.row import Row, RowFormat, Stretch
from runner.data.sources import container_of, scan
from runner.preset.data_sources import DataSource
from runner.preset.reading import Reading

ROWS = Path(__file__).parents[1] / "data" / "rows"


def source_of(name: str, reading: Reading | None = None) -> DataSource:
    found = DataSource("train", "data.train_dataset", str(ROWS / name))
    return found if reading is None else replace(found, reading=reading)


def rows_of(name: str, reading: Reading | None = None) -> list[Row | BadRow]:
    return list(scan(source_of(name, reading)))


def good(name: str, reading: Reading | None = None) -> list[Row]:
    """The rows of a file without any that is bad."""
    rows = rows_of(name, reading)
    assert not [row for row in rows if isinstance(row, BadRow)]
    return [row for row in rows if isinstance(row, Row)]


def reasons(name: str, reading: Reading | None = None) -> list[str]:
    return [row.reason for row in rows_of(name, reading) if isinstance(row, BadRow)]


def roles(row: Row) -> list[str]:
    return [message["role"] for message in row.messages]


# Containers and encodings


@pytest.mark.parametrize(
    ("name", "kind", "encoding", "rows"),
    [
        ("array.jsonl", Kind.JSON, "utf-8", 60),
        ("pretty-array.jsonl", Kind.JSON, "utf-8", 60),
        ("bom-array.json", Kind.JSON, "utf-8-sig", 60),
        ("lines.json", Kind.JSON_LINES, "utf-8", 60),
        ("utf16.jsonl", Kind.JSON_LINES, "utf-16", 60),
        ("x.jsonl.gz", Kind.JSON_LINES, "utf-8", 1),
        ("semicolon.csv", Kind.DELIMITED, "utf-8", 60),
        ("space-header.csv", Kind.DELIMITED, "utf-8", 60),
        ("cp1252.csv", Kind.DELIMITED, "cp1252", 4),
    ],
)
def test_a_file_is_what_stands_in_it(name: str, kind: Kind, encoding: str, rows: int) -> None:
    container = container_of(source_of(name))
    assert container is not None
    assert (container.kind, container.encoding.name) == (kind, encoding)
    assert len(good(name)) == rows


def test_how_it_is_read_is_said() -> None:
    def said(name: str) -> list[str]:
        container = container_of(source_of(name))
        assert container is not None
        return container.remarks

    assert said("array.jsonl") == []
    assert said("cp1252.csv") == ["read as cp1252: it is not UTF-8, and reads well as that"]
    assert said("semicolon.csv") == ["cells are told apart by semicolons"]
    assert said("utf16.jsonl") == ["read as UTF-16: it begins with its mark"]


def test_umlauts_are_umlauts() -> None:
    assert good("cp1252.csv")[0].text == "Wie groß ist Köln 0?Größe 0 €"


def test_a_quote_that_is_not_closed_is_the_rows_fault_alone() -> None:
    bad = [row for row in rows_of("csv-stray-quote.csv") if isinstance(row, BadRow)]
    assert [(row.number, row.line) for row in bad] == [(11, 12), (31, 32)]
    assert len(rows_of("csv-stray-quote.csv")) == 60


def test_blanks_of_a_header_are_none_of_the_name() -> None:
    assert (good("space-header.csv")[0].prompt, good("space-header.csv")[0].text) == (
        "Name 0",
        "Name 0[item=0]",
    )


# Shapes


@pytest.mark.parametrize(
    ("name", "shape", "wanted"),
    [
        ("messages-as-string.jsonl", RowFormat.MESSAGES, ["user", "assistant"]),
        ("content-parts.jsonl", RowFormat.MESSAGES, ["user", "assistant"]),
        ("nan.jsonl", RowFormat.ALPACA, ["user", "assistant"]),
        ("question-answer.jsonl", RowFormat.QUESTION_ANSWER, ["user", "assistant"]),
        ("alpaca-history.jsonl", RowFormat.ALPACA, ["user", "assistant", "user", "assistant"]),
        ("system-column-messages.jsonl", RowFormat.MESSAGES, ["system", "user", "assistant"]),
        ("assistant-first.jsonl", RowFormat.SHAREGPT, ["assistant", "user", "assistant"]),
        ("ends-with-user.jsonl", RowFormat.MESSAGES, ["user", "assistant"]),
        ("qwen3-multiturn.jsonl", RowFormat.MESSAGES, ["user", "assistant"] * 3),
        ("toolcall-empty-content.jsonl", RowFormat.MESSAGES, ["user", "assistant"]),
        ("toolcall-null-content.jsonl", RowFormat.MESSAGES, ["user", "assistant", "tool", "assistant"]),
        (
            "sharegpt-observation.jsonl",
            RowFormat.SHAREGPT,
            ["system", "user", "assistant", "tool", "assistant"],
        ),
        ("tools-column-dropped.jsonl", RowFormat.MESSAGES, ["user", "assistant"]),
        ("reasoning-content.jsonl", RowFormat.MESSAGES, ["user", "assistant"]),
        ("weight-zero.jsonl", RowFormat.MESSAGES, ["user", "assistant"] * 2),
    ],
)
def test_turns_are_what_they_were_meant_to_be(name: str, shape: RowFormat, wanted: list[str]) -> None:
    for row in good(name):
        assert (row.format, roles(row)) == (shape, wanted)


def test_what_is_used_otherwise_is_said() -> None:
    assert good("ends-with-user.jsonl")[0].remarks == ("turns after the last answer are left out",)
    assert good("question-answer.jsonl")[0].remarks == (
        "columns question and answer are taken as a question and its answer",
    )
    assert good("weight-zero.jsonl")[0].remarks == ("what its author marked in its turns is not learned",)


@pytest.mark.parametrize(
    "name",
    [
        "toolcall-empty-content.jsonl",
        "toolcall-null-content.jsonl",
        "sharegpt-observation.jsonl",
        "tools-column-dropped.jsonl",
    ],
)
def test_tools_and_calls_have_one_shape(name: str) -> None:
    for place, row in enumerate(good(name)):
        (tool,) = row.tools
        assert (tool["type"], tool["function"]["name"]) == ("function", "get_weather")
        if name != "tools-column-dropped.jsonl":
            (call,) = next(message["tool_calls"] for message in row.messages if "tool_calls" in message)
            assert call["function"] == {"name": "get_weather", "arguments": {"town": f"T{place}"}}


def test_reasoning_is_kept() -> None:
    assert good("reasoning-content.jsonl")[1].messages[1]["reasoning_content"] == "add two and 1"


def test_a_turn_of_no_weight_is_not_learned() -> None:
    row = good("weight-zero.jsonl")[0]
    assert row.masked == (Stretch(1),)
    assert row.answers == [3]


# Refused by name


@pytest.mark.parametrize(
    ("name", "words", "count"),
    [
        ("empty-assistant.jsonl", "turn 2 is an answer without content", 2),
        ("empty-messages.jsonl", "its messages are empty", 4),
        ("surrogate.jsonl", r"half of a character (\ud83d) at 6", 1),
        ("images-column.jsonl", "has images; ftui trains on text alone. `data.drop_columns: [images]`", 4),
        ("preference-messages.jsonl", "`data.prefer: chosen` learns the chosen answer", 4),
    ],
)
def test_what_cannot_be_learned_says_why(name: str, words: str, count: int) -> None:
    found = reasons(name)
    assert len(found) == count
    assert all(words in reason for reason in found)


def test_the_named_ways_out_are_ways_out() -> None:
    chosen = good("preference-messages.jsonl", Reading(takes_chosen=True))[2]
    assert [message["content"] for message in chosen.messages] == ["Q2", "old", "next?", "good 2"]
    assert chosen.answers == [3]
    without = good("images-column.jsonl", Reading(drop=frozenset({"images"})))[0]
    assert without.messages[0]["content"] == "<image>What is in picture 0?"
    split = good("text-templated.jsonl", Reading(splits_text=True))[1]
    assert [message["content"] for message in split.messages] == ["Name thing 1.", "[item=1]"]
    skipped: list[Any] = rows_of("empty-assistant.jsonl", Reading(skips_bad=True))
    assert [getattr(row, "is_left_out", False) for row in skipped] == [False, True, False, True]
    named = good("question-answer.jsonl", Reading(columns={"prompt": "question", "completion": "answer"}))[0]
    assert (named.format, named.text) == (RowFormat.PROMPT_COMPLETION, "Name 0?[item=0]")
