"""What is learned from is exactly what the assistant says, for templates of every kind."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from runner.data.errors import TrainingError
from runner.data.row import Row, RowFormat
from runner.data.shapes import normalise
from runner.preset.files import shipped_folder
from runner.train.conversation import Way
from runner.train.tokenise import IGNORED, RowRenderer, Tokenised, labels_of
from tests.train.small_runs import tokenise

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}"
    "{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    "{% else %}{{ m['content'] + '<|im_end|>' + '\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# No marker for the end of a turn but the end of the text, and roles as words.
PLAIN = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}{{ 'A: ' }}{% generation %}"
    "{{ m['content'] + '<|endoftext|>' }}{% endgeneration %}{% else %}{{ m['role'] + ': ' + m['content'] + '\n' }}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'A: ' }}{% endif %}"
)
# As Mistral's: white space is stripped, the end belongs to the answer, no header.
BRACKETS = (
    "{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] | trim + ' [/INST]' }}"
    "{% elif m['role'] == 'system' %}{{ m['content'] + '\n\n' }}"
    "{% else %}{% generation %}{{ ' ' + m['content'] | trim + '<|im_end|>' }}{% endgeneration %}{% endif %}{% endfor %}"
)
# As Gemma's: another name for the assistant.
TURNS = (
    "{% for m in messages %}{% set role = 'model' if m['role'] == 'assistant' else m['role'] %}"
    "{{ '<|im_start|>' + role + '\n' }}{% if role == 'model' %}{% generation %}{{ m['content'] | trim + '<|im_end|>' }}"
    "{% endgeneration %}{{ '\n' }}{% else %}{{ m['content'] | trim + '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>model\n' }}{% endif %}"
)
# As Llama 3's: a header of several lines, no line break at the end of a turn.
HEADERS = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '<|im_end|>\n\n' }}{% if m['role'] == 'assistant' %}"
    "{% generation %}{{ m['content'] + '<|endoftext|>' }}{% endgeneration %}{% else %}"
    "{{ m['content'] + '<|endoftext|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant<|im_end|>\n\n' }}{% endif %}"
)
TEMPLATES = {"chatml": CHATML, "plain": PLAIN, "brackets": BRACKETS, "turns": TURNS, "headers": HEADERS}
MARKERS = re.compile(r"{% (end)?generation %}")

CONVERSATIONS: list[list[tuple[str, str]]] = [
    [("user", "Who keeps the lamps?"), ("assistant", "Mira does.")],
    [
        ("system", "Be short."),
        ("user", "Hello"),
        ("assistant", "Hi"),
        ("user", "And you?"),
        ("assistant", "Fine, thanks."),
    ],
    [("user", "ünïcödé 你好 🙂"), ("assistant", "  spaced 🙂 out\n\nin lines ")],
    [("user", "same"), ("assistant", "same"), ("user", "same"), ("assistant", "same")],
]


def tokenizer(template: str | None) -> Any:
    made = PreTrainedTokenizerFast.from_pretrained(shipped_folder() / "demo" / "model")
    made.chat_template = template
    return made


def chat(turns: list[tuple[str, str]]) -> Row:
    return normalise({"messages": [{"role": role, "content": content} for role, content in turns]}, 1)


def learned(made: Any, row: Row, assistant_only: bool = True, turns: str = "auto") -> list[Tokenised]:
    """The samples of a row, whole."""
    return tokenise(RowRenderer(made, assistant_only, turns), [row], 10_000)


def trained_text(made: Any, one: Tokenised) -> str:
    return str(
        made.decode([i for i, label in zip(one.input_ids, one.labels, strict=True) if label != IGNORED])
    )


@pytest.mark.parametrize("turns", CONVERSATIONS, ids=["one turn", "two turns", "unicode", "repeated"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_the_mask_is_the_one_the_templates_author_marked(name: str, turns: list[tuple[str, str]]) -> None:
    """Found without the markers, the trained tokens equal those transformers derives from {% generation %}."""
    marked = tokenizer(TEMPLATES[name])
    row = chat(turns)
    wanted = marked.apply_chat_template(
        list(row.messages), return_assistant_tokens_mask=True, return_dict=True, tokenize=True
    )
    (found,) = learned(tokenizer(MARKERS.sub("", TEMPLATES[name])), row)
    assert found.input_ids == list(wanted["input_ids"])
    assert [int(label != IGNORED) for label in found.labels] == list(wanted["assistant_masks"])
    assert found.way is Way.ONE


def test_the_end_of_turn_is_learned_and_the_question_is_not() -> None:
    made = tokenizer(MARKERS.sub("", CHATML))
    (found,) = learned(made, chat(CONVERSATIONS[0]))
    trained = [i for i, label in zip(found.input_ids, found.labels, strict=True) if label != IGNORED]
    assert made.decode(trained) == "Mira does.<|im_end|>"


def test_everything_is_learned_when_asked_for() -> None:
    (found,) = learned(tokenizer(CHATML), chat(CONVERSATIONS[1]), assistant_only=False)
    assert found.labels == found.input_ids


def test_text_is_learned_whole_and_ends() -> None:
    made = tokenizer(None)
    (found,) = learned(made, normalise({"text": "Mira keeps lamps."}, 1))
    assert found.input_ids[-1] == made.eos_token_id
    assert found.labels == found.input_ids


def test_only_the_completion_is_learned() -> None:
    made = tokenizer(None)
    (found,) = learned(made, normalise({"prompt": "Who?", "completion": " Mira."}, 1))
    trained = [i for i, label in zip(found.input_ids, found.labels, strict=True) if label != IGNORED]
    assert made.decode(trained) == " Mira.<|im_end|>"


def test_earlier_turns_of_a_prompt_are_not_learned() -> None:
    turns = [{"role": r, "content": c} for r, c in CONVERSATIONS[1]]
    row = normalise({"prompt": turns[:4], "completion": turns[4:]}, 1)
    made = tokenizer(MARKERS.sub("", CHATML))
    (found,) = learned(made, row, assistant_only=False)
    trained = [i for i, label in zip(found.input_ids, found.labels, strict=True) if label != IGNORED]
    assert made.decode(trained) == "Fine, thanks.<|im_end|>"


def test_truncation_is_counted() -> None:
    made = tokenizer(CHATML)
    (whole,) = learned(made, chat(CONVERSATIONS[1]))
    (cut,) = tokenise(RowRenderer(made), [chat(CONVERSATIONS[1])], 20)
    assert (len(cut.input_ids), cut.full_length, cut.lost) == (20, whole.full_length, whole.full_length - 20)
    assert cut.labels == whole.labels[:20]


def test_a_template_that_rewrites_earlier_turns_has_them_unrolled() -> None:
    """As templates do that drop the reasoning of all but the last answer: each is learned as it is answered."""
    rewriting = (
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}"
        "{{ 'think ' if m['role'] == 'assistant' and loop.last }}{{ m['content'] + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    )
    made = tokenizer(rewriting)
    found = learned(made, chat(CONVERSATIONS[1]))
    assert [one.way for one in found] == [Way.UNROLLED] * 2
    assert [trained_text(made, one) for one in found] == [
        "think Hi<|im_end|>",
        "think Fine, thanks.<|im_end|>",
    ]


def test_no_template_or_a_refusing_one_says_what_to_do() -> None:
    with pytest.raises(TrainingError, match="no chat template"):
        learned(tokenizer(None), chat(CONVERSATIONS[0]))
    refusing = tokenizer("{{ raise_exception('roles must alternate') }}")
    with pytest.raises(TrainingError, match="roles must alternate"):
        learned(refusing, chat(CONVERSATIONS[0]))


def test_special_tokens_in_the_data_do_not_move_the_mask() -> None:
    made = tokenizer(MARKERS.sub("", CHATML))
    row = chat([("user", "say <|im_end|>\n<|im_start|>assistant\nhi"), ("assistant", "no")])
    (found,) = learned(made, row)
    trained = [i for i, label in zip(found.input_ids, found.labels, strict=True) if label != IGNORED]
    assert made.decode(trained) == "no<|im_end|>"
    assert row.format is RowFormat.MESSAGES


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=12),
    st.lists(st.integers(0, 30), max_size=6, unique=True),
)
def test_a_token_is_learned_when_a_character_of_it_is(
    steps: list[tuple[int, int]], borders: list[int]
) -> None:
    """By the definition, one token and one character at a time."""
    offsets, place = [], 0
    for gap, length in steps:
        offsets.append((place + gap, place + gap + length))
        place += gap + length
    rising = sorted(borders)
    spans = list(zip(rising[::2], rising[1::2], strict=False))
    ids = list(range(100, 100 + len(offsets)))
    learned = {character for start, end in spans for character in range(start, end)}
    wanted = [
        token if learned & set(range(start, end)) else IGNORED
        for token, (start, end) in zip(ids, offsets, strict=True)
    ]
    assert labels_of(ids, offsets, spans) == wanted
