"""Shapes of rows that are met in public data sets, beyond those of tests/data/rows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.data.row import LeftOutError, Row, RowError, RowFormat, Stretch
from runner.data.shapes import PAIRS, normalise
from runner.data.templated import style_of, turns_of
from runner.preset.reading import Reading

Q, A = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
CHOSEN = Reading(takes_chosen=True)


def turns(row: Row) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in row.messages]


# Preferences


@pytest.mark.parametrize(
    "raw",
    [
        {"prompt": "q", "chosen": "a", "rejected": "b"},
        {"prompt": [Q], "chosen": [A], "rejected": [{**A, "content": "b"}]},
        {"chosen": [Q, A], "rejected": [Q, {**A, "content": "b"}]},
        {"prompt": "q", "chosen": [Q, A], "rejected": [Q, {**A, "content": "b"}]},
        {
            "conversations": [{"from": "human", "value": "q"}],
            "chosen": {"from": "gpt", "value": "a"},
            "rejected": "b",
        },
        {"chosen": "\n\nHuman: q\n\nAssistant: a", "rejected": "\n\nHuman: q\n\nAssistant: b"},
    ],
)
def test_a_preference_is_refused_or_its_chosen_answer_learned(raw: dict[str, Any]) -> None:
    with pytest.raises(RowError, match=r"data\.prefer: chosen"):
        normalise(raw, 1)
    row = normalise(raw, 1, CHOSEN)
    assert turns(row) == [("user", "q"), ("assistant", "a")]
    assert row.answers == [1]


@pytest.mark.parametrize("name", ["label", "kto_tag"])
@pytest.mark.parametrize("raw", [{"prompt": "q", "completion": "a"}, {"messages": [Q, A]}])
def test_a_labelled_answer_is_refused_or_learned_when_it_is_good(raw: dict[str, Any], name: str) -> None:
    with pytest.raises(RowError, match="KTO"):
        normalise({**raw, name: True}, 1)
    assert normalise({**raw, name: True}, 1, CHOSEN).answers or raw.get("completion")
    with pytest.raises(LeftOutError, match="is false"):
        normalise({**raw, name: False}, 1, CHOSEN)


def test_a_label_of_another_kind_is_a_column_like_others() -> None:
    assert normalise({"text": "t", "label": True}, 1).remarks == ("column label is not used",)
    assert normalise({"messages": [Q, A], "label": "sport"}, 1).format is RowFormat.MESSAGES


# Calls


@pytest.mark.parametrize("arguments", [{"x": 1}, '{"x": 1}', '"{\\"x\\": 1}"'])
def test_arguments_are_an_object_however_often_they_are_encoded(arguments: Any) -> None:
    call = {"type": "function", "id": "c", "function": {"name": "f", "arguments": arguments}}
    row = normalise({"messages": [Q, {"role": "assistant", "tool_calls": [call]}]}, 1)
    assert row.messages[1]["tool_calls"][0]["function"]["arguments"] == {"x": 1}


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (
            {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[1]"}}]},
            "not an object",
        ),
        ({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{x"}}]}, "no JSON"),
        ({"role": "assistant", "tool_calls": [{"function": {}}]}, "no call with a name"),
        ({"from": "function_call", "value": "hm"}, "no JSON"),
        ({"role": "assistant", "content": [{"type": "image_url", "image_url": "x"}]}, "type 'image_url'"),
        ({"role": "assistant", "content": "  \n"}, "answer without content"),
        ({**A, "train_detail": [{"begin_offset": 0, "end_offset": 9, "train": False}]}, "beyond"),
    ],
)
def test_turns_that_cannot_be_used_say_why(turn: dict[str, Any], words: str) -> None:
    with pytest.raises(RowError, match=words):
        normalise({"messages": [Q, turn]}, 1)


def test_bare_schemas_and_json_text_are_tools_too() -> None:
    schema = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}
    wrapped = {"type": "function", "function": schema}
    for given in ([schema], [wrapped], json.dumps([schema]), schema):
        assert normalise({"messages": [Q, A], "tools": given}, 1).tools == (wrapped,)
    nothing: list[Any] = [[], "[]", "", None]
    for none in nothing:
        assert normalise({"messages": [Q, A], "tools": none}, 1).tools == ()
    with pytest.raises(RowError, match="its tools: text that is no JSON"):
        normalise({"messages": [Q, A], "tools": "[x"}, 1)


# Marks


@pytest.mark.parametrize("mark", [{"weight": 0}, {"weight": 0.0}, {"train": False}, {"training": False}])
def test_what_is_marked_is_not_learned(mark: dict[str, Any]) -> None:
    row = normalise({"messages": [Q, {**A, **mark}, Q, A]}, 1)
    assert (row.masked, row.answers) == ((Stretch(1),), [3])
    with pytest.raises(LeftOutError, match="every answer"):
        normalise({"messages": [Q, {**A, **mark}]}, 1)
    with pytest.raises(LeftOutError, match="its author"):
        normalise({"messages": [Q, A], **mark}, 1)


def test_marks_of_a_turn_move_with_a_system_prompt() -> None:
    raw = {"system": "s", "messages": [Q, {**A, "weight": 0}, Q, A]}
    assert normalise(raw, 1).masked == (Stretch(2),)
    merged = normalise(raw, 1, Reading(merges_system=True))
    assert merged.masked == (Stretch(1),)
    assert merged.messages[0]["content"] == "s\n\nq"


# Columns


@pytest.mark.parametrize(("question", "answer"), PAIRS)
def test_the_commonest_pairs_are_questions_and_answers(question: str, answer: str) -> None:
    row = normalise({question: "q", answer: "a", "id": 7}, 1)
    assert turns(row) == [("user", "q"), ("assistant", "a")]
    assert row.remarks == (
        f"columns {question} and {answer} are taken as a question and its answer",
        "column id is not used",
    )


def test_what_a_question_is_about_goes_with_it() -> None:
    row = normalise(
        {"question": "Which town?", "context": "CREATE TABLE towns (name)", "answer": "SELECT name"}, 1
    )
    assert turns(row)[0] == ("user", "CREATE TABLE towns (name)\n\nWhich town?")
    assert "column context is put before the question" in row.remarks


def test_names_in_capitals_and_with_blanks_are_the_same_names() -> None:
    assert turns(normalise({"Instruction": "q", " OUTPUT ": "a"}, 1)) == [("user", "q"), ("assistant", "a")]
    assert normalise({"prompt": "lower", "Prompt": "upper", "completion": "c"}, 1).prompt == "lower"


def test_a_named_column_that_is_not_there_is_named() -> None:
    with pytest.raises(RowError, match=r"has no column Frage, which data\.columns names; it has text"):
        normalise({"text": "t"}, 1, Reading(columns={"prompt": "Frage"}))


def test_numbers_are_texts_and_nothing_is_nothing() -> None:
    assert turns(normalise({"question": "2+2", "answer": 4}, 1))[1] == ("assistant", "4")
    with pytest.raises(RowError, match="none of the known shapes"):
        normalise({"question": "q", "answer": float("nan")}, 1)


def test_what_is_tokenised_already_is_refused() -> None:
    with pytest.raises(RowError, match="is tokenised already"):
        normalise({"input_ids": [1, 2], "labels": [1, 2]}, 1)


# Chats as text

TEXTS = {
    "ChatML": "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n",
    "Llama 3": (
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nq<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\na<|eot_id|>"
    ),
    "Gemma": "<bos><start_of_turn>user\nq<end_of_turn>\n<start_of_turn>model\na<end_of_turn>\n",
    "Phi or Zephyr": "<|user|>\nq</s>\n<|assistant|>\na</s>\n",
    "Llama 2 or Mistral": "<s>[INST] q [/INST] a</s>",
    "Alpaca's headings": "Below is an instruction.\n\n### Instruction:\nq\n\n### Response:\na",
    "Human and Assistant": "Human: q\n\nAssistant: a",
}


@pytest.mark.parametrize("style", TEXTS)
def test_chats_as_text_are_recognised_and_taken_apart(style: str) -> None:
    assert style_of(TEXTS[style]) == style
    wanted = [("user", "q"), ("assistant", "a")]
    if style == "Alpaca's headings":
        wanted = [("system", "Below is an instruction."), *wanted]
    found = turns_of(TEXTS[style])
    assert found is not None
    assert [(turn["role"], turn["content"]) for turn in found] == wanted
    row = normalise({"text": TEXTS[style]}, 1, Reading(splits_text=True))
    assert turns(row) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "Humans: a history.\n\nAssistants were few.",
        "### Results\nWe found little.\n\n### Method\nWe looked.",
        "The user said: hello. User: nobody answered.",
        "[INST] without an end",
        "### Question 1\nCapital?\n### Answer\nParis",
        "<|im_start|>user\nq<|im_end|>\nwords between\n<|im_start|>assistant\na<|im_end|>",
    ],
)
def test_texts_that_only_look_like_it_are_texts(text: str) -> None:
    assert style_of(text) == ""
    assert normalise({"text": text}, 1, Reading(splits_text=True)).format is RowFormat.TEXT


def test_what_stands_before_the_first_turn_is_a_system_turn_and_prose_stays_prose() -> None:
    facts = "Some facts:\nHuman rights matter.\nUser: x\nUsers agree."
    text = f"You are Bob, a pirate.\n\nHuman: Tell me.\n\nAssistant: {facts}"
    found = turns_of(text)
    assert found is not None
    assert [(turn["role"], turn["content"]) for turn in found] == [
        ("system", "You are Bob, a pirate."),
        ("user", "Tell me."),
        ("assistant", facts),
    ]


@pytest.mark.parametrize("question", ["prompt", "input", "query", "problem", "instruction"])
def test_a_chosen_answer_keeps_its_question_whatever_it_looks_like(question: str) -> None:
    chosen = "User: Hi\nAssistant: Hello there"
    row = normalise({question: "Write a chat.", "system": "s", "chosen": chosen, "rejected": "x"}, 1, CHOSEN)
    assert turns(row) == [("system", "s"), ("user", "Write a chat."), ("assistant", chosen)]
    with pytest.raises(RowError, match="no question that is known"):
        normalise({"frage": "q", "chosen": "a", "rejected": "b"}, 1, CHOSEN)


@pytest.mark.parametrize("mark", ["False", "false", "0", 0, "no", "0.0"])
def test_marks_are_marks_in_every_way_they_are_written(mark: Any) -> None:
    with pytest.raises(LeftOutError):
        normalise({"question": "q", "answer": "a", "train": mark}, 1)
    row = normalise({"messages": [Q, {**A, "train": mark}, Q, {**A, "weight": "1"}]}, 1)
    assert row.answers == [3]
    with pytest.raises(LeftOutError, match="is false"):
        normalise({"prompt": "q", "completion": "a", "label": mark}, 1, CHOSEN)
    with pytest.raises(RowError, match="says neither yes nor no"):
        normalise({"messages": [Q, {**A, "train": "perhaps"}]}, 1)


def test_labels_of_pairs_are_labels_and_classes_are_classes() -> None:
    with pytest.raises(RowError, match="KTO"):
        normalise({"prompt": "q", "response": "a", "label": False}, 1)
    assert "column label is not used" in normalise({"question": "q", "answer": "a", "label": 1}, 1).remarks
