"""Which shape a row has, by its columns; see docs/data.md. What means something and cannot be used is refused by name,
what means nothing is passed over with a remark.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runner.data import templated
from runner.data.row import LeftOutError, Row, RowError, RowFormat, Stretch, is_none, text_of
from runner.data.tools import tools_of
from runner.data.turns import Conversation
from runner.preset.reading import AS_IT_IS, Reading

CHATS = {"messages": RowFormat.MESSAGES, "conversations": RowFormat.SHAREGPT}
CHATS |= dict.fromkeys(("conversation", "dialogue", "dialog", "chat", "turns"), RowFormat.MESSAGES)
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
TOKENISED = ("input_ids", "token_ids", "tokens")
KNOWN_SHAPES = (
    "messages [{role, content}] · conversations [{from, value}] · prompt + completion · "
    "instruction (+ input) + output · question + answer · text"
)


class _Columns:
    """The columns of a row under the names ftui looks for, and which of them were asked for."""

    def __init__(self, raw: Mapping[str, Any], reading: Reading) -> None:
        self._raw = raw
        self._given = {key: value for key, value in raw.items() if isinstance(key, str)}
        if any(key != key.strip().lower() for key in self._given):
            self._given = {key.strip().lower(): value for key, value in self._given.items()} | {
                key: value for key, value in self._given.items() if key == key.strip().lower()
            }
        self._names = {ours: theirs.strip().lower() for ours, theirs in reading.columns.items()}
        self._used = {*(name.strip().lower() for name in reading.drop)}
        missing = [name for name in self._names.values() if name not in self._given]
        if missing:
            raise RowError(
                f"has no column {missing[0]}, which data.columns names; it has {', '.join(self._given)}"
            )

    def has(self, *names: str) -> bool:
        return all(not is_none(self._peek(name)) for name in names)

    def _peek(self, name: str) -> Any:
        theirs = self._names.get(name, name)
        is_dropped = name in self._used and name not in self._names
        taken = theirs in self._names.values() and self._names.get(name) != theirs
        return None if is_dropped or taken else self._given.get(theirs)

    def take(self, name: str) -> Any:
        """The value of a column, None for none; it counts as used."""
        value = self._peek(name)
        self._used.add(self._names.get(name, name))
        return None if is_none(value) else value

    def text(self, name: str) -> str:
        """A column that is text; empty without one. Raises RowError."""
        value = self.take(name)
        text = "" if value is None else text_of(value)
        if text is None:
            raise RowError(f"its {self._names.get(name, name)} is {type(value).__name__}, not text")
        return text

    @property
    def names(self) -> str:
        return ", ".join(str(key) for key in self._raw) or "no keys at all"

    def unused(self) -> list[str]:
        """The columns nothing was made of and that are not empty."""
        return [
            key
            for key, value in self._given.items()
            if key not in self._used and value not in (None, "", [], {}) and not is_none(value)
        ]


def normalise(raw: Mapping[str, Any], number: int, reading: Reading = AS_IT_IS) -> Row:
    """Recognise and normalise one row; `number` is its 1-based place in the source. Raises RowError."""
    columns = _Columns(raw, reading)
    _refuse_media(columns)
    _heed_row_switches(columns)
    row = _shape(columns, number, reading)
    unused = columns.unused()
    remarks = (*dict.fromkeys(row.remarks), *(f"column {name} is not used" for name in unused))
    row = Row(
        row.number,
        row.format,
        row.messages,
        row.context,
        row.prompt,
        row.text,
        0,
        row.tools,
        row.masked,
        remarks,
    )
    _require_letters(row)
    return row


def _refuse_media(columns: _Columns) -> None:
    for name in MEDIA:
        if columns.has(name) and columns.take(name) not in ("", [], {}):
            raise RowError(
                f"has {name}; ftui trains on text alone. "
                f"`data.drop_columns: [{name}]` leaves them out and learns the text"
            )


def _heed_row_switches(columns: _Columns) -> None:
    """A row as a whole may be marked as not to be learned, as a turn may."""
    for name in ("train", "training"):
        if columns.has(name) and columns.take(name) is False:
            raise LeftOutError(f"its author marked it as not to be learned ({name}: false)")
    if columns.has("weight"):
        weight = text_of(columns.take("weight"))
        if weight is not None and weight.strip() in ("0", "0.0"):
            raise LeftOutError("its author marked it as not to be learned (weight: 0)")


def _shape(columns: _Columns, number: int, reading: Reading) -> Row:
    if columns.has("chosen", "rejected"):
        return _preference(columns, number, reading)
    if columns.has("label") and isinstance(columns.take("label"), bool) and columns.has("completion"):
        _heed_label(columns, reading)
    for name, shape in CHATS.items():
        if columns.has(name):
            turns = columns.take(name)
            return _chat(columns, _turns(turns, name), number, shape, reading)
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


# Chats


def _turns(turns: Any, name: str) -> list[Any]:
    if isinstance(turns, str):
        try:
            turns = json.loads(turns)
        except (ValueError, RecursionError):
            raise RowError(f"its {name} are text that is no JSON, not a list of turns") from None
    if isinstance(turns, Mapping):
        turns = [turns]
    if not isinstance(turns, list):
        raise RowError(f"its {name} are {type(turns).__name__}, not a list of turns")
    if not turns:
        raise RowError(f"its {name} are empty")
    return turns


def _read(turns: list[Any]) -> Conversation:
    found = Conversation()
    for turn in turns:
        found.add(turn)
    return found


def _chat(
    columns: _Columns, turns: list[Any], number: int, shape: RowFormat, reading: Reading, context: int = 0
) -> Row:
    talk = _read(turns)
    tools = tools_of(columns.take("tools")) or tools_of(columns.take("functions"))
    return _finished(columns, talk, number, shape, reading, context, tools)


def _finished(
    columns: _Columns,
    talk: Conversation,
    number: int,
    shape: RowFormat,
    reading: Reading,
    context: int = 0,
    tools: tuple[dict[str, Any], ...] = (),
) -> Row:
    """A row of turns: with its system prompt at the front and without what comes after its last answer."""
    messages, masked, remarks = talk.messages, talk.masked, talk.remarks
    system = columns.text("system") or columns.text("system_prompt")
    if system.strip():
        if messages[0]["role"] != "system":
            messages = [{"role": "system", "content": system}, *messages]
            masked = [Stretch(one.turn + 1, one.start, one.end) for one in masked]
            context += 1 if context else 0
        elif messages[0]["content"].strip() != system.strip():
            remarks = [*remarks, "column system is not used: the conversation has a system prompt of its own"]
    last = max((place for place, one in enumerate(messages) if one["role"] == "assistant"), default=-1)
    if last < context:
        raise RowError(
            "has no assistant turn, so there is nothing to learn from it"
            if not context
            else "its completion has no assistant turn"
        )
    if last + 1 < len(messages):
        remarks = [*remarks, "turns after the last answer are left out"]
        messages = messages[: last + 1]
    if reading.merges_system and messages[0]["role"] == "system":
        messages, context, masked = _merged(messages, context, masked)
    row = Row(
        number, shape, tuple(messages), context, tools=tools, masked=tuple(masked), remarks=tuple(remarks)
    )
    if not row.answers:
        raise LeftOutError("its author marked every answer as not to be learned")
    return row


def _merged(
    messages: list[dict[str, Any]], context: int, masked: list[Stretch]
) -> tuple[list[dict[str, Any]], int, list[Stretch]]:
    """With the system prompt at the front of the first question, for templates that take none."""
    system, first, *rest = messages
    if first["role"] != "user":
        raise RowError("its system prompt cannot be merged: no question follows it")
    question = {**first, "content": f"{system['content']}\n\n{first['content']}"}
    return (
        [question, *rest],
        max(0, context - 1),
        [Stretch(one.turn - 1, one.start, one.end) for one in masked],
    )


def _pair(columns: _Columns, question: str, answer: str, number: int, reading: Reading) -> Row:
    asked, given = columns.text(question), columns.text(answer)
    if not given.strip():
        raise RowError(f"its {answer} is empty")
    talk = _read([{"role": "user", "content": asked}, {"role": "assistant", "content": given}])
    talk.remarks.append(f"columns {question} and {answer} are taken as a question and its answer")
    return _finished(columns, talk, number, RowFormat.QUESTION_ANSWER, reading)


def _alpaca(columns: _Columns, output: str, number: int, reading: Reading) -> Row:
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
    return _finished(columns, _read(turns), number, RowFormat.ALPACA, reading)


# Text


def _prompt_completion(columns: _Columns, number: int, reading: Reading) -> Row:
    prompt, completion = columns.take("prompt"), columns.take("completion")
    if isinstance(prompt, list) and isinstance(completion, list | Mapping):
        after = [completion] if isinstance(completion, Mapping) else completion
        shape = RowFormat.PROMPT_COMPLETION
        return _chat(columns, [*prompt, *after], number, shape, reading, context=len(prompt))
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


def _text(columns: _Columns, name: str, number: int, reading: Reading) -> Row:
    value = columns.take(name)
    if not isinstance(value, str) or not value.strip():
        raise RowError(f"its {name} is empty" if isinstance(value, str) else f"its {name} is not text")
    if reading.splits_text and (turns := templated.turns_of(value)) is not None:
        return _finished(columns, _read(turns), number, RowFormat.MESSAGES, reading)
    return Row(number, RowFormat.TEXT, text=value)


# Preferences


def _preference(columns: _Columns, number: int, reading: Reading) -> Row:
    """A question with a better and a worse answer. `chosen` may be an answer, its turn, or the whole conversation."""
    if not reading.takes_chosen:
        raise RowError(
            "is a preference (chosen and rejected), which is no supervised fine-tuning; "
            "`data.prefer: chosen` learns the chosen answer"
        )
    chosen = columns.take("chosen")
    columns.take("rejected")
    before: Any = next(
        (columns.take(name) for name in ("prompt", "question", "instruction", *CHATS) if columns.has(name)),
        [],
    )
    if isinstance(before, str):
        before = [{"role": "user", "content": before}] if before else []
    if isinstance(chosen, str) and (turns := templated.turns_of(chosen)) is not None:
        chosen = turns
    if isinstance(chosen, str):
        chosen = [{"role": "assistant", "content": chosen}]
    after = _turns(chosen, "chosen")
    is_whole = len(after) > 1 and after[: len(before)] == before
    turns = after if is_whole or _asks(after) else [*before, *after]
    context = 0 if turns is after else len(before)
    return _chat(columns, turns, number, RowFormat.MESSAGES, reading, context=context)


def _asks(turns: list[Any]) -> bool:
    """Whether turns begin with a question, and so are a whole conversation."""
    first = turns[0]
    return isinstance(first, Mapping) and first.get("role", first.get("from")) in ("user", "human", "system")


def _heed_label(columns: _Columns, reading: Reading) -> None:
    """KTO: an answer and whether it is a good one."""
    if not reading.takes_chosen:
        raise RowError(
            "is an answer with a label (KTO), which is no supervised fine-tuning; "
            "`data.prefer: chosen` learns those labelled true"
        )
    if columns.take("label") is False:
        raise LeftOutError("is labelled false, and data.prefer takes those labelled true")


def _require_letters(row: Row) -> None:
    """Half of a surrogate pair (an emoji cut in two) is in JSON, and no tokenizer takes it."""
    for where, text in _texts(row):
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                code = ord(text[error.start])
                raise RowError(
                    f"{where} has half of a character (\\u{code:04x}) at {error.start + 1}: an emoji was cut in two"
                ) from None


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
