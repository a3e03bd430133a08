"""Which shape a row has, by its columns; see docs/data.md. What means something and cannot be used is refused by name,
what means nothing is passed over with a remark.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from runner.data import templated
from runner.data.chats import chat, finished, read, turns_of
from runner.data.columns import Columns
from runner.data.preferences import CHATS, heed_label, preference
from runner.data.row import LeftOutError, Message, Row, RowError, RowFormat, switch_of, text_of
from runner.preset.reading import AS_IT_IS, Reading

# A question and its answer, under the commonest names. `prompt` and `completion` are text that is joined as it stands.
PAIRS = (
    ("question", "answer"),
    ("query", "response"),
    ("prompt", "response"),
    ("prompt", "output"),
    ("prompt", "answer"),
    ("question", "response"),
    ("question", "output"),
    ("problem", "solution"),
    ("problem", "answer"),
    ("user", "assistant"),
    ("human", "assistant"),
    ("input", "output"),
    ("input", "response"),
    ("input", "target"),
    ("source", "target"),
)
ALPACA_OUTPUTS = ("output", "response", "completion", "answer")
ALPACA_INPUTS = ("input", "context")
TEXTS = ("text", "content", "document")
MEDIA = (
    "image",
    "images",
    "img",
    "picture",
    "pictures",
    "pixel_values",
    "audio",
    "audios",
    "video",
    "videos",
)
_MEDIA, _SWITCHES = frozenset(MEDIA), frozenset(("train", "training", "weight"))
TOKENISED = ("input_ids", "token_ids", "tokens")
KNOWN_SHAPES = (
    "messages [{role, content}] · conversations [{from, value}] · prompt + completion · "
    "instruction (+ input) + output · question + answer · text"
)


def normalise(raw: Mapping[str, Any], number: int, reading: Reading = AS_IT_IS) -> Row:
    """Recognise and normalise one row; `number` is its 1-based place in the source. Raises RowError."""
    columns = Columns(raw, reading)
    _refuse_media(columns)
    _heed_row_switches(columns)
    row = _shape(columns, number, reading)
    unused = columns.unused()
    if unused or row.remarks:
        remarks = (*dict.fromkeys(row.remarks), *(f"column {name} is not used" for name in unused))
        row = replace(row, remarks=remarks)
    _require_letters(row)
    return row


def _refuse_media(columns: Columns) -> None:
    if not columns.any_of(_MEDIA):
        return
    for name in MEDIA:
        if columns.has(name) and columns.take(name) not in ("", [], {}):
            raise RowError(
                f"has {name}; ftui trains on text alone. "
                f"`data.drop_columns: [{name}]` leaves them out and learns the text"
            )


def _heed_row_switches(columns: Columns) -> None:
    """A row as a whole may be marked as not to be learned, as a turn may."""
    if not columns.any_of(_SWITCHES):
        return
    for name in ("train", "training"):
        if switch_of(columns.value(name)) is not None and not switch_of(columns.take(name)):
            raise LeftOutError(f"its author marked it as not to be learned ({name}: false)")
    if switch_of(columns.value("weight")) is not None and not switch_of(columns.take("weight")):
        raise LeftOutError("its author marked it as not to be learned (weight: 0)")


def _shape(columns: Columns, number: int, reading: Reading) -> Row:
    if columns.has("chosen", "rejected"):
        return preference(columns, number, reading)
    heed_label(columns, reading)
    for name, shape in CHATS.items():
        if columns.has(name):
            turns = columns.take(name)
            return chat(columns, turns_of(turns, name), number, shape, reading)
    if columns.has("prompt", "completion"):
        return _prompt_completion(columns, number, reading)
    if columns.has("instruction"):
        for name in ALPACA_OUTPUTS:
            if columns.has(name):
                return _alpaca(columns, name, number, reading)
    for question, answer in PAIRS:
        if columns.has(question, answer):
            return _pair(columns, question, answer, number, reading)
    for name in TEXTS:
        if columns.has(name):
            return _text(columns, name, number, reading)
    if tokenised := next((name for name in TOKENISED if columns.has(name)), None):
        raise RowError(f"is tokenised already ({tokenised}); give its text instead")
    raise RowError(
        f"has {columns.names}; none of the known shapes fits: {KNOWN_SHAPES}. data.columns names others"
    )


def _pair(columns: Columns, question: str, answer: str, number: int, reading: Reading) -> Row:
    asked, given = columns.text(question), columns.text(answer)
    if not given.strip():
        raise RowError(f"its {answer} is empty")
    context = columns.text("context") if "context" not in (question, answer) else ""
    asked = "\n\n".join(part for part in (context, asked) if part.strip())
    talk = read([{"role": "user", "content": asked}, {"role": "assistant", "content": given}])
    if context:
        talk.remarks.append("column context is put before the question")
    talk.remarks.append(f"columns {question} and {answer} are taken as a question and its answer")
    return finished(columns, talk, number, RowFormat.QUESTION_ANSWER, reading)


def _alpaca(columns: Columns, output: str, number: int, reading: Reading) -> Row:
    instruction, answer = columns.text("instruction"), columns.text(output)
    given = next((columns.text(name) for name in ALPACA_INPUTS if columns.has(name)), "")
    if not answer.strip():
        raise RowError(f"its {output} is empty")
    turns: list[Any] = []
    for pair in columns.take("history") or []:
        if not isinstance(pair, list) or len(pair) != 2:
            raise RowError("its history is no list of [question, answer]")
        turns += [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]
    question = "\n\n".join(part for part in (instruction, given) if part)
    turns += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return finished(columns, read(turns), number, RowFormat.ALPACA, reading)


def _prompt_completion(columns: Columns, number: int, reading: Reading) -> Row:
    prompt, completion = columns.take("prompt"), columns.take("completion")
    if isinstance(prompt, list) and isinstance(completion, list | Mapping):
        after = [completion] if isinstance(completion, Mapping) else completion
        shape = RowFormat.PROMPT_COMPLETION
        return chat(columns, [*prompt, *after], number, shape, reading, context=len(prompt))
    before, answer = text_of(prompt), text_of(completion)
    if before is None or answer is None:
        raise RowError("prompt and completion must both be text, or both lists of turns")
    if not answer.strip():
        raise RowError("its completion is empty")
    remarks = []
    if system := columns.text("system"):
        before, remarks = f"{system}\n\n{before}", ["column system is put before the prompt"]
    return Row(
        number, RowFormat.PROMPT_COMPLETION, prompt=before, text=before + answer, remarks=tuple(remarks)
    )


def _text(columns: Columns, name: str, number: int, reading: Reading) -> Row:
    value = columns.take(name)
    if not isinstance(value, str) or not value.strip():
        raise RowError(f"its {name} is empty" if isinstance(value, str) else f"its {name} is not text")
    if reading.splits_text and (turns := templated.turns_of(value)) is not None:
        return finished(columns, read(turns), number, RowFormat.MESSAGES, reading)
    return Row(number, RowFormat.TEXT, text=value)


def _require_letters(row: Row) -> None:
    """Half of a surrogate pair (an emoji cut in two) is in JSON, and no tokenizer takes it."""
    if not row.tools and row.text.isascii() and all(_is_plain(message) for message in row.messages):
        return
    for where, text in _texts(row):
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                code = ord(text[error.start])
                raise RowError(
                    f"{where} has half of a character (\\u{code:04x}) at {error.start + 1}: an emoji was cut in two"
                ) from None


def _is_plain(message: Message) -> bool:
    """Whether a turn is a role and ASCII text: what most are, and what a million rows must not wait for."""
    return len(message) == 2 and message["content"].isascii()


def _texts(row: Row) -> list[tuple[str, str]]:
    found = [("its text", row.text)] if row.text else []
    for place, message in enumerate(row.messages, start=1):
        found += [(f"turn {place} ({message['role']})", message["content"])]
        if "reasoning_content" in message:
            found += [(f"the reasoning of turn {place}", message["reasoning_content"])]
        if "tool_calls" in message:
            found += [(f"a call of turn {place}", json.dumps(message["tool_calls"], ensure_ascii=False))]
    if row.tools:
        found += [("its tools", json.dumps(row.tools, ensure_ascii=False))]
    return found
