"""Strategies of mutations: what is drawn for which file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from hypothesis import strategies as st

from tests.faults.fuzz_base import TICKET, base
from tests.faults.fuzz_garbage import FIELD_VALUES, GARBAGE, LINKS, ODD_CHECKPOINTS, ODD_KEYS, RAW, YAML
from tests.faults.fuzz_mutations import (
    Cut,
    Field,
    Flip,
    Insert,
    Kind,
    Lines,
    Link,
    Mutation,
    Node,
    Place,
    Shuffle,
    Tree,
    Value,
    Yaml,
    fields_of,
)

T = TypeVar("T")

BASE = base()
TRAINER_STATE = "trainer_state.json"
NEWEST = f"checkpoints/checkpoint-32/{TRAINER_STATE}"
TOP = ("checkpoints", "adapter", "requests", "checkpoints/checkpoint-32", "checkpoints/checkpoint-16")


class Focus(Enum):
    """Which files a test is mostly about; a third of its mutations are of all others."""

    EVENTS = ("events.jsonl",)
    STATE = ("state.json", "run.json", "system.jsonl")
    PRESET = ("preset.yaml",)
    REST = ("rows.jsonl", "console.log", NEWEST, "replan.json", "memory.json", "requests/save", TICKET)
    ALL = tuple(BASE)


@dataclass(frozen=True)
class Later:
    """What happens between two looks; `in_place` keeps the file itself where another would stand there otherwise."""

    mutations: tuple[Mutation, ...] = ()
    in_place: bool = False


@dataclass(frozen=True)
class Mutated:
    """A run, spoilt, and what happens to it while it is looked at."""

    mutations: tuple[Mutation, ...]
    later: Later = Later()
    is_queued: bool = False
    is_long: bool = False
    is_alive: bool = False

    def tree(self) -> Tree:
        tree: Tree = dict(base(self.is_long, not self.is_alive))
        if not self.is_queued:
            del tree[TICKET]
        for mutation in self.mutations:
            mutation.apply(tree)
        return tree

    def tree_later(self) -> Tree:
        tree = self.tree()
        for mutation in self.later.mutations:
            mutation.apply(tree)
        return tree


def _fields() -> Iterator[Field]:
    for path, content in BASE.items():
        if not path.endswith((".json", ".jsonl")) and not path.startswith("requests/"):
            continue
        for line in content.splitlines():
            document = json.loads(line)
            kind = document.get("type", "") if path == "events.jsonl" else ""
            for keys in fields_of(document):
                yield Field(path, kind, keys)


FIELDS = tuple(dict.fromkeys(_fields()))


def every_value() -> Iterator[tuple[Field, Mutated]]:
    """Each of a few dozen values in each field there is, in all lines that have it; of every second run that lives."""
    for row, field in enumerate(FIELDS):
        for column, raw in enumerate(FIELD_VALUES):
            is_event, is_ticket = field.path == "events.jsonl", field.path == TICKET
            is_alive = (row + column) % 2 == 0 and not is_ticket
            yield field, Mutated((Value(field, raw),), Later(), is_ticket, is_event, is_alive)


def chosen(*strategies: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """One of these, the likelier the more often it is named: one_of would take its like apart and count each once."""
    return st.sampled_from(range(len(strategies))).flatmap(strategies.__getitem__)


numbers = st.integers(0, 1 << 16)
small = st.integers(0, 60)
fields_values = st.sampled_from(FIELD_VALUES)
raw_values = chosen(
    fields_values,
    fields_values,
    st.sampled_from(RAW),
    st.one_of(
        st.integers(-40, 40).map(str), st.floats().map(json.dumps), st.text(max_size=8).map(json.dumps)
    ),
)
garbage = st.one_of(st.sampled_from(GARBAGE), st.binary(max_size=12))
nodes: st.SearchStrategy[Node] = st.one_of(
    st.sampled_from([Kind.MISSING, Kind.DIRECTORY, Kind.PIPE, Kind.UNREADABLE, b""]),
    st.sampled_from(LINKS).map(Link),
    garbage,
)


def mutations_of(path: str) -> st.SearchStrategy[Mutation]:
    """What can happen to one file: other values most of all, where it has values."""
    here = st.just(path)
    own: list[st.SearchStrategy[Mutation]] = [
        st.builds(Flip, here, numbers, st.integers(1, 255)),
        st.builds(Cut, here, numbers),
        st.builds(Insert, here, numbers, garbage, st.booleans()),
        st.builds(Lines, here, st.sampled_from(Shuffle), numbers, numbers),
        st.builds(Place, here, nodes),
    ]
    if fields := [field for field in FIELDS if field.path == path]:
        value = st.builds(Value, st.sampled_from(fields), raw_values, st.none() | small)
        key = st.builds(Value, st.sampled_from(fields), st.sampled_from(ODD_KEYS), small, st.just(True))
        own += [value] * 6 + [key]
    elif path.endswith(".yaml"):
        line = st.one_of(st.sampled_from(YAML), st.sampled_from(YAML), st.text(max_size=8))
        own += [st.builds(Yaml, here, small, line, st.booleans())] * 5
    return chosen(*own)


def anywhere() -> st.SearchStrategy[Mutation]:
    """What can happen to any part of a run."""
    odd = st.sampled_from(ODD_CHECKPOINTS).map(lambda name: f"checkpoints/{name}")
    files = chosen(
        *[mutations_of(path) for path in BASE if path.endswith((".json", ".jsonl", ".yaml", ".log"))]
    )
    places: list[st.SearchStrategy[Mutation]] = [
        st.builds(Place, st.sampled_from(TOP), nodes),
        st.builds(Place, odd, nodes),
        st.builds(Place, odd.map(lambda path: f"{path}/{TRAINER_STATE}"), garbage),
    ]
    return chosen(*places, *[files] * 6)


def mutated(focus: Focus) -> st.SearchStrategy[Mutated]:
    """A run spoilt in one to six ways."""
    own = chosen(*[mutations_of(path) for path in focus.value])
    one = chosen(own, own, anywhere()) if focus is not Focus.ALL else anywhere()
    return st.builds(
        Mutated,
        mutations=st.lists(one, min_size=1, max_size=6).map(tuple),
        later=st.builds(Later, st.lists(one, max_size=2).map(tuple), st.booleans()),
        is_queued=st.booleans() if focus in (Focus.REST, Focus.ALL) else st.just(False),
        is_long=st.just(focus in (Focus.EVENTS, Focus.ALL)),
        is_alive=st.booleans(),
    )
