"""What is learned of a conversation, by the templates of real models: each answer, behind exactly what the model would
be given when it answers there, with the token that ends it, and nothing else.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runner.data.errors import TrainingError
from runner.data.row import Row
from runner.data.shapes import normalise
from runner.train.conversation import Way
from runner.train.tokenise import IGNORED, Rendered, RowRenderer
from tests.train.real_templates import EOS, NAMES, tokenizer_of

THREE: list[dict[str, Any]] = [
    {"role": "user", "content": "Name a lamp."},
    {"role": "assistant", "content": "Mira."},
    {"role": "user", "content": "Its colour?"},
    {"role": "assistant", "content": "Green, then  red."},
    {"role": "user", "content": "Whose?"},
    {"role": "assistant", "content": "Jonas's\nand mine."},
]
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Weather of a town",
        "parameters": {
            "type": "object",
            "properties": {"town": {"type": "string", "description": "t"}},
            "required": ["town"],
        },
    },
}
CALLED: list[dict[str, Any]] = [
    {"role": "user", "content": "Weather in Bern?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"type": "function", "function": {"name": "weather", "arguments": '{"town": "Bern"}'}}
        ],
    },
    {"role": "tool", "name": "weather", "content": '{"degrees": 12}'},
    {"role": "assistant", "content": "It is 12 degrees."},
]


def row_of(turns: list[dict[str, Any]], **columns: Any) -> Row:
    return normalise({"messages": turns, **columns}, 1)


def learned(made: Any, one: Rendered) -> list[str]:
    """The text of each stretch that is learned."""
    found: list[list[int]] = [[]]
    for token, label in zip(one.input_ids, one.labels, strict=True):
        if label == IGNORED:
            found.append([])
        else:
            found[-1].append(token)
    return [str(made.decode(ids)) for ids in found if ids]


def prompts_before(one: Rendered) -> list[list[int]]:
    """The tokens before each stretch that is learned."""
    starts = [
        place
        for place, label in enumerate(one.labels)
        if label != IGNORED and (place == 0 or one.labels[place - 1] == IGNORED)
    ]
    return [one.input_ids[:place] for place in starts]


def at_inference(made: Any, row: Row, place: int) -> list[int]:
    """What a server gives the model for the answer at `place`."""
    text = RowRenderer(made).template.render(row.messages[:place], row.tools, generate=True)
    return list(made(text, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_is_learned_behind_the_prompt_of_inference(name: str) -> None:
    made, row = tokenizer_of(name), row_of(THREE)
    samples = RowRenderer(made, turns="all").render(row)
    prompts = [prompt for one in samples for prompt in prompts_before(one)]
    assert prompts == [at_inference(made, row, place) for place in (1, 3, 5)]
    answers = [text for one in samples for text in learned(made, one)]
    for text, turn in zip(answers, THREE[1::2], strict=True):
        end = "<|end|>" if name == "phi3" else EOS.get(name, "<|im_end|>")
        assert turn["content"] in text
        # Phi-3 ends a whole conversation by one token more.
        assert text.rstrip().removesuffix("<|endoftext|>").rstrip().endswith(end)


@pytest.mark.parametrize("name", NAMES)
def test_the_cheapest_right_way_is_taken(name: str) -> None:
    """One rendering where it serves, TRL's template where there is one, else a sample for each answer."""
    made, row = tokenizer_of(name), row_of(THREE)
    ways = {
        "qwen3": Way.TRAINED,
        "qwen3_5_think": Way.TRAINED,
        "qwen3_5_nothink": Way.TRAINED,
        "gptoss": Way.UNROLLED,
        "deepseek_r1_distill": Way.UNROLLED,
    }
    samples = RowRenderer(made).render(row)
    assert {one.way for one in samples} == {ways.get(name, Way.ONE)}
    assert sum(len(learned(made, one)) for one in samples) == 3
    exact = RowRenderer(made, turns="all").render(row)
    assert len(samples) <= len(exact)


@pytest.mark.parametrize("name", NAMES)
def test_the_last_answer_alone(name: str) -> None:
    made, row = tokenizer_of(name), row_of(THREE)
    renderer = RowRenderer(made, turns="last")
    (one,) = renderer.render(row)
    (text,) = learned(made, one)
    assert "Jonas's\nand mine." in text
    assert renderer.untrained_turns(row) == 2


@pytest.mark.parametrize("name", ["qwen3", "qwen3_5_think", "llama3_1", "mistral-v3", "gptoss"])
def test_calls_are_learned_and_results_are_not(name: str) -> None:
    made, row = tokenizer_of(name), row_of(CALLED, tools=[TOOL])
    samples = RowRenderer(made, turns="all").render(row)
    texts = [text for one in samples for text in learned(made, one)]
    assert len(texts) == 2
    assert "weather" in texts[0]
    assert "Bern" in texts[0]
    assert "It is 12 degrees." in texts[1]
    assert not any('"degrees"' in text for text in texts)
    assert "Weather of a town" in samples[0].text
    prompts = [prompt for one in samples for prompt in prompts_before(one)]
    assert prompts == [at_inference(made, row, place) for place in (1, 3)]


@pytest.mark.parametrize("name", ["gemma3", "phi3", "deepseek_r1_distill"])
def test_a_template_without_tools_is_the_reason_why_the_row_is_refused(name: str) -> None:
    with pytest.raises(TrainingError, match="chat template does not write its tools"):
        RowRenderer(tokenizer_of(name)).render(row_of(CALLED, tools=[TOOL]))
    with pytest.raises(TrainingError, match=r"does not write the calls of turn 2 \(assistant\)"):
        RowRenderer(tokenizer_of(name)).render(row_of(CALLED))


@pytest.mark.parametrize(
    "name", ["qwen3", "qwen3_5_think", "qwen3_5_nothink", "gptoss", "deepseek_r1_distill"]
)
def test_reasoning_is_learned_before_its_answer(name: str) -> None:
    turns = [dict(turn) for turn in THREE[:4]]
    turns[1]["reasoning_content"] = "Lamps have names."
    turns[3]["thinking"] = "Two colours."
    made = tokenizer_of(name)
    texts = [t for one in RowRenderer(made).render(row_of(turns)) for t in learned(made, one)]
    assert [t.index("Lamps have names.") < t.index("Mira.") for t in texts[:1]] == [True]
    assert [t.index("Two colours.") < t.index("Green, then  red.") for t in texts[1:]] == [True]


@pytest.mark.parametrize("name", ["llama3_1", "mistral-v3", "gemma3", "phi3"])
def test_reasoning_that_a_template_drops_refuses_the_row(name: str) -> None:
    turns = [dict(turn) for turn in THREE[:2]]
    turns[1]["reasoning_content"] = "Lamps have names."
    with pytest.raises(TrainingError, match="does not write the reasoning of turn 2"):
        RowRenderer(tokenizer_of(name)).render(row_of(turns))


def test_an_empty_reasoning_block_is_closed_where_the_prompt_opens_one() -> None:
    made = tokenizer_of("deepseek_r1_distill")
    (one,) = RowRenderer(made).render(row_of(THREE[:2]))
    assert learned(made, one) == ["\n</think>\n\nMira.<｜end▁of▁sentence｜>"]
    turns = [THREE[0], {"role": "assistant", "content": "<think>\nLamps.\n</think>\n\nMira."}]
    (one,) = RowRenderer(made).render(row_of(turns))
    assert learned(made, one) == ["Lamps.\n</think>\n\nMira.<｜end▁of▁sentence｜>"]


@pytest.mark.parametrize(
    "name", ["qwen3", "qwen3_5_think", "llama3_1", "mistral-v3", "phi3", "gptoss", "deepseek_r1_distill"]
)
def test_of_a_greeting_its_content_is_learned(name: str) -> None:
    """No header, no default system prompt, no BOS: what stands before it is not the answer's."""
    made = tokenizer_of(name)
    turns = [{"role": "assistant", "content": "Hello, I am here."}, *THREE[:2]]
    samples = RowRenderer(made).render(row_of(turns))
    texts = [text for one in samples for text in learned(made, one)]
    assert texts[0].lstrip().startswith("Hello, I am here.")
    assert len(texts[0]) < len("Hello, I am here.") + 30
    assert "Mira." in texts[1]


def test_a_template_that_wants_alternate_roles_names_the_turn() -> None:
    turns = [{"role": "assistant", "content": "Hello."}, *THREE[:2]]
    with pytest.raises(
        TrainingError, match=r"refuses turn 1 \(assistant\): Conversation roles must alternate"
    ):
        RowRenderer(tokenizer_of("gemma3")).render(row_of(turns))


REFUSES_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
)
DROPS_SYSTEM = "{% set messages = messages | rejectattr('role', 'equalto', 'system') | list %}"


@pytest.mark.parametrize(
    ("begins", "words"), [(REFUSES_SYSTEM, "System role not supported"), (DROPS_SYSTEM, "it drops it")]
)
def test_a_template_without_system_turns_is_named_with_the_way_out(begins: str, words: str) -> None:
    made = tokenizer_of("phi3")
    made.chat_template = begins + made.chat_template
    turns = [{"role": "system", "content": "Be kind."}, *THREE[:2]]
    with pytest.raises(TrainingError, match="takes no system turn") as caught:
        RowRenderer(made).render(row_of(turns))
    assert words in caught.value.message
    assert "data.system: merge_into_user" in caught.value.hint


@pytest.mark.parametrize("name", NAMES)
def test_control_tokens_that_were_typed_are_letters(name: str) -> None:
    made = tokenizer_of(name)
    end = made.eos_token
    asked = f"What does {end} mean?"
    row = row_of(
        [{"role": "user", "content": asked}, {"role": "assistant", "content": f"{end} ends a turn."}]
    )
    plain = row_of(
        [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "It ends a turn."}]
    )
    (one,), (other,) = RowRenderer(made).render(row), RowRenderer(made).render(plain)
    assert one.input_ids.count(made.eos_token_id) == other.input_ids.count(made.eos_token_id)
    assert asked in one.text
    assert made.decode(one.input_ids).count(end) == made.decode(other.input_ids).count(end) + 2
    (text,) = learned(made, one)
    assert f"{end} ends a turn." in text


def test_what_its_author_masked_is_not_learned() -> None:
    made = tokenizer_of("llama3_1")
    turns = [dict(turn) for turn in THREE]
    turns[1]["weight"] = 0
    # "Green" and the comma; then "red" is learned again.
    turns[3]["train_detail"] = [{"begin_offset": 0, "end_offset": 5, "train": False}]
    texts = [t for one in RowRenderer(made).render(row_of(turns)) for t in learned(made, one)]
    assert texts == [" then  red.<|eot_id|>", "Jonas's\nand mine.<|eot_id|>"]


def test_marks_are_found_beside_typed_control_tokens() -> None:
    made = tokenizer_of("llama3_1")
    content = "<|eot_id|> one <|eot_id|> two"
    detail = [{"begin_offset": 0, "end_offset": content.index("one") + 2, "train": False}]
    turns = [THREE[0], {"role": "assistant", "content": content, "train_detail": detail}]
    (one,) = RowRenderer(made).render(row_of(turns))
    assert learned(made, one) == [" <|eot_id|> two<|eot_id|>"]


def test_today_is_the_day_of_the_run() -> None:

    made = tokenizer_of("gptoss")
    renderer = RowRenderer(made, day=datetime(2024, 2, 29, tzinfo=UTC))
    (one,) = renderer.render(row_of(THREE[:2]))
    assert "Current date: 2024-02-29" in one.text
    assert renderer.template.asks_for_date
    quiet = RowRenderer(tokenizer_of("qwen3"))
    quiet.render(row_of(THREE[:2]))
    assert not quiet.template.asks_for_date


def test_a_chat_written_out_as_text_gets_no_second_end() -> None:
    made = tokenizer_of("qwen3")
    text = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nho<|im_end|>\n"
    (one,) = RowRenderer(made).render(normalise({"text": text}, 1))
    assert one.input_ids.count(made.eos_token_id) == 2


def test_an_answer_that_begins_like_a_control_token_keeps_its_first_letter() -> None:
    made = tokenizer_of("deepseek_r1_distill")
    (one,) = RowRenderer(made).render(row_of([THREE[0], {"role": "assistant", "content": "<b>Mira</b>"}]))
    assert learned(made, one) == ["\n</think>\n\n<b>Mira</b><｜end▁of▁sentence｜>"]


def test_marks_are_found_behind_the_reasoning_or_not_at_all() -> None:
    made = tokenizer_of("qwen3")
    detail = [{"begin_offset": 0, "end_offset": 4, "train": False}]
    answer: dict[str, Any] = {
        "role": "assistant",
        "reasoning_content": "Maybe Paris is it",
        "content": "Paris, yes",
        "train_detail": detail,
    }
    (one,) = RowRenderer(made).render(row_of([THREE[0], answer]))
    assert "Maybe Paris is it" in learned(made, one)[0]
    assert learned(made, one)[-1] == ", yes<|im_end|>"


def test_a_greeting_is_not_its_header() -> None:
    made = tokenizer_of("llama3_1")
    turns = [{"role": "assistant", "content": "assistant"}, *THREE[:2]]
    (one,) = RowRenderer(made).render(row_of(turns))
    assert learned(made, one)[0] == "assistant<|eot_id|>"


def test_control_tokens_in_tools_are_letters_too() -> None:
    made = tokenizer_of("qwen3")
    typed = {"type": "function", "function": {**TOOL["function"], "description": "stop at <|im_end|> or not"}}
    (one,) = RowRenderer(made).render(row_of(CALLED[:2], tools=[typed]))
    (other,) = RowRenderer(made).render(row_of(CALLED[:2], tools=[TOOL]))
    assert one.input_ids.count(made.eos_token_id) == other.input_ids.count(made.eos_token_id)
    assert "stop at <|im_end|> or not" in one.text


def test_what_a_template_drops_beside_a_call_refuses_the_row() -> None:
    said = [CALLED[0], {**CALLED[1], "content": "Let me look."}, *CALLED[2:]]
    with pytest.raises(TrainingError, match=r"drops what turn 2 \(assistant\) says beside its calls"):
        RowRenderer(tokenizer_of("llama3_1")).render(row_of(said, tools=[TOOL]))
    made = tokenizer_of("qwen3")
    texts = [
        text for one in RowRenderer(made).render(row_of(said, tools=[TOOL])) for text in learned(made, one)
    ]
    assert "Let me look." in texts[0]
    twice = [CALLED[0], {**CALLED[1], "tool_calls": CALLED[1]["tool_calls"] * 2}, *CALLED[2:]]
    with pytest.raises(TrainingError, match=r"first call of turn 2 .* alone|refuses turn 2"):
        RowRenderer(tokenizer_of("gptoss")).render(row_of(twice, tools=[TOOL]))


def test_an_answer_behind_turns_that_are_written_otherwise_then_is_carried_over() -> None:
    """gpt-oss drops what was thought before a call once the answer is there."""
    made = tokenizer_of("gptoss")
    thought = [CALLED[0], {**CALLED[1], "reasoning_content": "I must look."}, *CALLED[2:]]
    row = row_of(thought, tools=[TOOL])
    samples = RowRenderer(made).render(row)
    texts = [text for one in samples for text in learned(made, one)]
    assert "I must look." in "".join(texts)
    assert texts[-1] == "<|channel|>final<|message|>It is 12 degrees.<|return|>"
    assert prompts_before(samples[-1])[-1] == at_inference(made, row, 3)
