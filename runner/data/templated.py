"""Plain text that is a chat written out by a template: recognised, and taken apart into its turns."""

from __future__ import annotations

import re
from dataclasses import dataclass

Turns = list[dict[str, str]]


@dataclass(frozen=True)
class Style:
    """How one template writes turns: `turn` finds one with the groups role and content; `roles` are its names for them,
    `drops` what stands around the turns.
    """

    name: str
    turn: re.Pattern[str]
    roles: dict[str, str]
    drops: re.Pattern[str] = re.compile(
        r"<s>|</s>|<bos>|<eos>|<\|begin_of_text\|>|<\|endoftext\|>|<\|end_of_text\|>"
    )


_COMMON = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool", "model": "assistant"}
_HEADED = r"(?:\A|\n)\s*{mark}(?P<role>{roles}):?\s*(?P<content>.*?)\s*(?=\n\s*{mark}(?:{roles})|\Z)"
_ALPACA = {
    "instruction": "user",
    "input": "input",
    "response": "assistant",
    "human": "user",
    "assistant": "assistant",
}
_ALPACA |= {
    "user": "user",
    "system": "system",
    "question": "user",
    "answer": "assistant",
    "output": "assistant",
}
_TALK = {"human": "user", "assistant": "assistant", "user": "user", "gpt": "assistant"}


def _headed(mark: str, roles: dict[str, str]) -> re.Pattern[str]:
    names = "|".join(sorted(roles, key=len, reverse=True))
    return re.compile(_HEADED.format(mark=mark, roles=names), re.DOTALL | re.IGNORECASE)


STYLES = (
    Style(
        "ChatML",
        re.compile(r"<\|im_start\|>(?P<role>\w+)\n(?P<content>.*?)(?:<\|im_end\|>\n?|\Z)", re.DOTALL),
        _COMMON,
    ),
    Style(
        "Llama 3",
        re.compile(
            r"<\|start_header_id\|>(?P<role>\w+)<\|end_header_id\|>\n*(?P<content>.*?)(?:<\|eot_id\|>|\Z)",
            re.DOTALL,
        ),
        _COMMON | {"ipython": "tool"},
    ),
    Style(
        "Gemma",
        re.compile(r"<start_of_turn>(?P<role>\w+)\n(?P<content>.*?)(?:<end_of_turn>\n?|\Z)", re.DOTALL),
        _COMMON,
    ),
    Style(
        "Phi or Zephyr",
        re.compile(
            r"<\|(?P<role>system|user|assistant)\|>\n?(?P<content>.*?)(?:<\|end\|>|</s>|(?=<\|(?:user|assistant)\|>)|\Z)\n?",
            re.DOTALL,
        ),
        _COMMON,
    ),
    Style("Alpaca's headings", _headed(r"###\s*", _ALPACA), _ALPACA),
    Style("Human and Assistant", _headed("", _TALK), _TALK),
)
_LLAMA_2 = re.compile(
    r"\[INST\]\s*(?P<user>.*?)\s*\[/INST\]\s*(?P<assistant>.*?)(?=</s>|<s>|\[INST\]|\Z)", re.DOTALL
)
_LLAMA_2_SYSTEM = re.compile(r"<<SYS>>\s*(?P<system>.*?)\s*<</SYS>>\s*", re.DOTALL)
_LOOK = re.compile(
    r"<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>|<\|(?:user|assistant)\|>|\[INST\]|###|Human:|USER:|User:",
    re.IGNORECASE,
)


def style_of(text: str) -> str:
    """The template a text was written by; empty for a text that is no chat."""
    found = _taken_apart(text)
    return found[0] if found is not None else ""


def turns_of(text: str) -> Turns | None:
    """The turns of a text that is a chat, with a question and an answer at least; None for any other."""
    found = _taken_apart(text)
    return found[1] if found is not None else None


def _taken_apart(text: str) -> tuple[str, Turns] | None:
    if _LOOK.search(text) is None:
        return None
    if "[/INST]" in text:
        turns = _llama_2(text)
        return ("Llama 2 or Mistral", turns) if turns else None
    for style in STYLES:
        plain = style.drops.sub("", text) if style.name != "Phi or Zephyr" else text
        found = _turns(style, plain)
        if found is not None:
            return style.name, found
    return None


def _turns(style: Style, text: str) -> Turns | None:
    turns: Turns = []
    for match in style.turn.finditer(text):
        role = style.roles.get(match["role"].lower())
        if role is None:
            return None
        content = match["content"].strip()
        if role == "input":
            # Alpaca's second heading belongs to the question.
            if content and turns:
                turns[-1]["content"] += f"\n\n{content}"
            continue
        turns.append({"role": role, "content": content})
    roles = [turn["role"] for turn in turns]
    return turns if "user" in roles and "assistant" in roles[roles.index("user") :] else None


def _llama_2(text: str) -> Turns:
    turns: Turns = []
    for match in _LLAMA_2.finditer(text):
        asked = match["user"]
        if system := _LLAMA_2_SYSTEM.search(asked):
            turns.append({"role": "system", "content": system["system"]})
            asked = asked.replace(system.group(), "")
        turns += [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": match["assistant"].strip()},
        ]
    return turns
