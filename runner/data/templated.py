"""Plain text that is a chat written out by a template: recognised, and taken apart into its turns. What stands before
the first turn becomes a system turn; a text with anything else between its turns is no chat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

Turns = list[dict[str, str]]

_ROLES = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool", "model": "assistant"}
_ROLES |= {"ipython": "tool"}
# Tokens around turns that are no words.
_AROUND = re.compile(
    r"<s>|</s>|<bos>|<eos>|<\|begin_of_text\|>|<\|endoftext\|>|<\|end_of_text\|>|<\|eot_id\|>"
)


@dataclass(frozen=True)
class Style:
    """How a template of tokens writes turns: `turn` finds one, with the groups role and content."""

    name: str
    turn: re.Pattern[str]


STYLES = (
    Style(
        "ChatML", re.compile(r"<\|im_start\|>(?P<role>\w+)\n(?P<content>.*?)(?:<\|im_end\|>|\Z)", re.DOTALL)
    ),
    Style(
        "Llama 3",
        re.compile(
            r"<\|start_header_id\|>(?P<role>\w+)<\|end_header_id\|>(?P<content>.*?)(?:<\|eot_id\|>|\Z)",
            re.DOTALL,
        ),
    ),
    Style(
        "Gemma", re.compile(r"<start_of_turn>(?P<role>\w+)\n(?P<content>.*?)(?:<end_of_turn>|\Z)", re.DOTALL)
    ),
    Style(
        "Phi or Zephyr",
        re.compile(
            r"<\|(?P<role>system|user|assistant)\|>(?P<content>.*?)"
            r"(?:<\|end\|>|</s>|(?=<\|(?:user|assistant)\|>)|\Z)",
            re.DOTALL,
        ),
    ),
)
_LLAMA_2 = re.compile(r"\[INST\](?P<user>.*?)\[/INST\](?P<assistant>.*?)(?=</s>|<s>|\[INST\]|\Z)", re.DOTALL)
_LLAMA_2_SYSTEM = re.compile(r"<<SYS>>(?P<system>.*?)<</SYS>>", re.DOTALL)

# "### Instruction:" on a line of its own.
_HEADINGS = {
    "instruction": "user",
    "question": "user",
    "input": "input",
    "response": "assistant",
    "answer": "assistant",
}
_HEADINGS |= {"output": "assistant"}
_HEADING = re.compile(
    rf"^[ \t]*###[ \t]*({'|'.join(_HEADINGS)})[ \t]*:?[ \t]*$", re.MULTILINE | re.IGNORECASE
)
# "### Human: …", also within a line, and "Human: …" at the beginning of one: always the same two names.
_PAIRS = (("Human", "Assistant"), ("USER", "ASSISTANT"), ("User", "Assistant"))


def style_of(text: str) -> str:
    """The template a text was written by; empty for a text that is no chat."""
    found = _taken_apart(text)
    return found[0] if found is not None else ""


def turns_of(text: str) -> Turns | None:
    """The turns of a text that is a chat, with a question and an answer at least; None for any other."""
    found = _taken_apart(text)
    return found[1] if found is not None else None


def _taken_apart(text: str) -> tuple[str, Turns] | None:
    for name, turns in _attempts(text):
        roles = [turn["role"] for turn in turns]
        if "user" in roles and "assistant" in roles[roles.index("user") :]:
            return name, turns
    return None


def _attempts(text: str) -> Iterator[tuple[str, Turns]]:
    if "[/INST]" in text:
        yield "Llama 2 or Mistral", _llama_2(text)
        return
    if "<" in text:
        for style in STYLES:
            yield style.name, _by_tokens(style, text)
    if "###" in text:
        yield "Alpaca's headings", _by_headings(text)
    if ":" in text:
        for names in _PAIRS:
            if all(f"{name}:" in text for name in names):
                yield "Human and Assistant", _by_names(names, text)


def _by_tokens(style: Style, text: str) -> Turns:
    """Empty where words stand between two turns, or a role is not known."""
    turns: Turns = []
    place = 0
    for match in style.turn.finditer(text):
        role = _ROLES.get(match["role"].lower())
        between = _AROUND.sub("", text[place : match.start()]).strip()
        if role is None or (between and place):
            return []
        if between:
            turns.append({"role": "system", "content": between})
        turns.append({"role": role, "content": match["content"].strip()})
        place = match.end()
    return [] if _AROUND.sub("", text[place:]).strip() else turns


def _by_headings(text: str) -> Turns:
    first, *parts = _HEADING.split(text)
    turns: Turns = [{"role": "system", "content": first.strip()}] if first.strip() else []
    for heading, words in zip(parts[::2], parts[1::2], strict=True):
        role, content = _HEADINGS[heading.lower()], words.strip()
        if role == "input":
            # The second heading belongs to the question.
            if content and turns:
                turns[-1]["content"] += f"\n\n{content}"
        else:
            turns.append({"role": role, "content": content})
    return turns


def _by_names(names: tuple[str, str], text: str) -> Turns:
    marked = "### " if f"### {names[0]}:" in text else ""
    begins = r"###[ \t]*" if marked else r"(?:\A|\n)[ \t]*"
    first, *parts = re.split(rf"{begins}({'|'.join(names)}):[ \t]*", text)
    turns: Turns = [{"role": "system", "content": first.strip()}] if first.strip() else []
    for name, words in zip(parts[::2], parts[1::2], strict=True):
        turns.append({"role": "user" if name == names[0] else "assistant", "content": words.strip()})
    return turns


def _llama_2(text: str) -> Turns:
    turns: Turns = []
    for match in _LLAMA_2.finditer(text):
        asked = match["user"]
        if system := _LLAMA_2_SYSTEM.search(asked):
            turns.append({"role": "system", "content": system["system"].strip()})
            asked = asked.replace(system.group(), "")
        turns += [
            {"role": "user", "content": asked.strip()},
            {"role": "assistant", "content": match["assistant"].strip()},
        ]
    begun = _AROUND.sub("", text[: text.index("[INST]")]).strip() if "[INST]" in text else "?"
    return [] if begun else turns
