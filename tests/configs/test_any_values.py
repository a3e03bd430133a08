"""Any value under any key: a config is read or refused in words, and no key of it is passed over."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner.configs.drafted import draft_of
from runner.configs.proposal import Proposal, propose
from runner.configs.script import calls_of
from runner.preset.errors import PresetError
from runner.preset.other_tools.answers import SECTIONS_ELSEWHERE, keys
from runner.preset.other_tools.data_keys import ENTRY, ENTRY_ITSELF
from runner.preset.other_tools.script_calls import CALLS
from runner.preset.other_tools.tools import READ
from runner.preset.schema import SECTIONS, section_type

OURS = [key for name in SECTIONS for key in section_type(name).model_fields]
INNER = [name for names in (*ENTRY, *ENTRY_ITSELF) for name in names.split()]
KEYS = st.sampled_from(sorted({*keys(), *OURS, *SECTIONS_ELSEWHERE, *INNER, "model", "data", "lora"}))
WORDS = st.sampled_from(
    [
        "",
        "all",
        "auto",
        "none",
        "qlora",
        "lora",
        "full",
        "a/b",
        "./x.jsonl",
        "a,b",
        "true",
        "no",
        "2e-4",
        "x.y",
        "~",
        "\x1b[0m",
    ]
)
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 4, 8, 10**30, 0.5, 1.5, 1e308, float("inf"), float("nan")]),
    WORDS,
    st.text(max_size=8),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def read(text: str, name: str, said: str | None = None) -> Proposal | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(text)
        try:
            found = propose(path, said)
        except PresetError as error:
            assert str(error).count("\n") <= 1
            return None
        try:
            draft_of(found, Path(folder), None).snapshot().validated()
        except PresetError:
            pass
        for line in found.lines:
            assert isinstance(line.shown, str)
            assert isinstance(line.becomes, str)
        return found


@settings(max_examples=400)
@example(tree={"datasets": [{"path": [], "data_files": "x"}]}, tool="axolotl")
@example(tree={"dataset_id": {"dataset_name": []}}, tool="trl")
@example(tree={"model_init_kwargs": "x"}, tool="trl")
@given(
    tree=st.dictionaries(KEYS, VALUES, min_size=1, max_size=8),
    tool=st.sampled_from([name for name in READ if name != "script"]),
)
def test_any_values_under_any_keys(tree: dict[str, Any], tool: str) -> None:
    found = read(json.dumps(tree).replace("Infinity", ".inf").replace("NaN", ".nan"), "x.yaml", tool)
    if found is not None:
        said = {line.key.split(".")[0] for line in found.lines if line.is_in_file} | {
            line.key for line in found.lines
        }
        assert {key for key in tree if key.split(".")[0] not in said and key not in said} == set()


@settings(max_examples=200)
@given(
    calls=st.lists(
        st.tuples(
            st.sampled_from(sorted(CALLS)), st.dictionaries(KEYS.filter(str.isidentifier), VALUES, max_size=4)
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_values_in_calls_of_a_script(calls: list[tuple[str, dict[str, Any]]]) -> None:
    text = "\n".join(f"x = {name}(**{values!r})" for name, values in calls)
    assert len(calls_of(text, Path("x.py"))) == len(calls)
    read(text, "x.py")
