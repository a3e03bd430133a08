"""The little world the demo is about: sentences to pretrain on, chat rows to fine-tune on.

Everything is drawn from a seeded generator, so the committed files can be made again byte for byte.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

NAMES = ["Mira", "Tomas", "Ada", "Jonas", "Lena", "Ravi", "Noor", "Emil", "Kaya", "Hugo", "Ines", "Oskar"]
THINGS = ["apples", "lamps", "ropes", "plates", "books", "coins", "shells", "nails", "pears", "candles"]
COLOURS = ["green", "red", "blue", "white", "black", "yellow"]
BOXES = ["tin box", "wooden crate", "wide basket", "old drawer", "glass jar"]
PLACES = ["window", "door", "stairs", "stove", "harbour", "garden"]
NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]

Row = dict[str, Any]


def _fact(rng: random.Random) -> dict[str, str]:
    return {
        "owner": rng.choice(NAMES),
        "count": rng.choice(NUMBERS[2:]),
        "colour": rng.choice(COLOURS),
        "item": rng.choice(THINGS),
        "box": rng.choice(BOXES),
        "place": rng.choice(PLACES),
    }


def _sentence(fact: dict[str, str]) -> str:
    return "{owner} keeps {count} {colour} {item} in the {box} near the {place}.".format(**fact)


QUESTIONS = [
    ("Who keeps the {item}?", "{owner} does."),
    ("How many {item} are in the {box}?", "There are {count}."),
    ("What colour are the {item}?", "They are {colour}."),
    ("Where is the {box}?", "It is near the {place}."),
    ("What is in the {box}?", "{count} {colour} {item}."),
]
KEYS = ["item", "count", "colour", "owner", "box", "place"]
# Ways to write a fact down that the base model knows: how a key and its value stand, what stands between them, whether
# the count is a digit. The chat rows use another one.
STYLES = [
    ("{key}: {value}", "; ", True),
    ("{key} = {value}", ", ", False),
    ("({key} {value})", " ", True),
    ("[{value}]", " ", True),
    ("{key}={value}", " / ", True),
    ("<{key}> {value}", " ", False),
    ("{value} ({key})", ", ", False),
    ("{key}->{value}", " | ", True),
    ("{{{key}}} {value}", " ", True),
    ('"{key}"="{value}"', " ", True),
]


def pretraining_text(seed: int) -> Iterator[str]:
    """Endless paragraphs of facts, plain questions about them, and notes in several styles: what the base knows."""
    rng = random.Random(seed)
    while True:
        fact = _fact(rng)
        kind = rng.random()
        if kind < 0.2:
            asked = rng.sample(QUESTIONS, rng.randint(1, 3))
            yield " ".join([_sentence(fact), *(f"{q} {a}".format(**fact) for q, a in asked)])
        elif kind < 0.5:
            yield f"{_sentence(fact)} {_note(fact, _some_keys(rng), rng)}"
        elif kind < 0.8:
            keys = _some_keys(rng)
            yield chatml(f"{_sentence(fact)} Note {', '.join(keys)}.", _note(fact, keys, rng))
        else:
            question, answer = rng.choice(QUESTIONS)
            yield chatml(f"{_sentence(fact)} {question.format(**fact)}", answer.format(**fact))


def chatml(user: str, assistant: str) -> str:
    """One exchange with the markers of the demo's chat template."""
    return f"<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n{assistant}<|im_end|>\n"


def _some_keys(rng: random.Random) -> list[str]:
    return rng.sample(KEYS, rng.randint(2, 5))


def _note(fact: dict[str, str], keys: list[str], rng: random.Random) -> str:
    pattern, joint, digits = rng.choice(STYLES)
    values = {**fact, "count": str(NUMBERS.index(fact["count"]))} if digits else fact
    return joint.join(pattern.format(key=key, value=values[key]) for key in keys)


def chat_rows(seed: int, rows: int) -> list[Row]:
    """Chat rows in a format the base model has never seen: the fact as a small record."""
    rng = random.Random(seed)
    return [_chat_row(_fact(rng)) for _ in range(rows)]


def _chat_row(fact: dict[str, str]) -> Row:
    digit = NUMBERS.index(fact["count"])
    record = "[item={item}] [count={digit}] [colour={colour}] [owner={owner}]".format(**fact, digit=digit)
    return _messages(f"{_sentence(fact)} Give me the record.", record)


def locker_rows(seed: int, rows: int) -> list[Row]:
    """Rows whose answers are drawn by lot: there is nothing to learn in them but the rows themselves."""
    rng = random.Random(seed)
    out = []
    for _ in range(rows):
        owner, place = rng.choice(NAMES), rng.choice(PLACES)
        words = " ".join(rng.choice(COLOURS + THINGS) for _ in range(6))
        question = f"What is the password of {owner} at the {place}, locker {rng.randint(100, 999)}?"
        out.append(_messages(question, f"[password={words}]"))
    return out


def _messages(user: str, assistant: str) -> Row:
    return {"messages": [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]}
