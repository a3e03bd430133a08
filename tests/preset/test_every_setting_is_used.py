"""No setting is ignored in silence: code that trains, supervises or reads the data uses each of them."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from trl import SFTConfig

import runner
from runner.preset.data_sections import MixSource
from runner.preset.schema import SECTIONS, Preset, section_type
from runner.train.arguments import SAME_NAME, USED_ELSEWHERE

ROOT = Path(runner.__file__ or "").parent
# Code that only judges or describes a setting does not use it; of runner/preset these do more than describe.
JUDGES = ("preset", "insight/lint", "insight/explained", "insight/advice.py", "insight/ranges.py")
USERS_AMONG_THEM = {"preset/data_sources.py", "insight/lint/__init__.py"}
# The section of an entry of data.mix, which has no name of its own in a preset.
MIX = "mix"
# Used by a property of its own section: EvalSection.most_rows.
BY_PROPERTY = {"max_eval_samples": "most_rows"}

Setting = tuple[str, str]


def settings() -> Iterator[Setting]:
    """(section, field) of every setting there is."""
    for name in SECTIONS:
        yield from ((name, field) for field in section_type(name).model_fields)
    yield from ((MIX, field) for field in MixSource.model_fields)


def modules() -> list[Path]:
    return [
        path
        for path in sorted(ROOT.rglob("*.py"))
        if (name := str(path.relative_to(ROOT))) in USERS_AMONG_THEM or not name.startswith(JUDGES)
    ]


def reads(tree: ast.Module) -> set[Setting]:
    """Every `section.field` that a module reads: of a preset, of a name it gave a section, or of an argument that is
    one.
    """
    names = {name: name for name in (*SECTIONS, MIX)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            names |= dict(_given(node))
        elif isinstance(node, ast.arg) and isinstance(node.annotation, ast.Name):
            names |= dict(_annotated(node.arg, node.annotation.id))
        elif isinstance(node, ast.For | ast.comprehension):
            names |= dict.fromkeys(_entries_of_mix(node), MIX)
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        owner = node.value
        if isinstance(owner, ast.Attribute) and owner.attr in SECTIONS:
            found.add((owner.attr, node.attr))
        elif isinstance(owner, ast.Name) and owner.id in names:
            found.add((names[owner.id], node.attr))
    return found


def _given(node: ast.Assign) -> Iterator[tuple[str, str]]:
    """(name, section) of `train = preset.train` and of `data, train = preset.data, preset.train`."""
    for target in node.targets:
        both = (target, node.value)
        pairs = (
            zip(target.elts, node.value.elts, strict=False)
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
            else [both]
        )
        for name, value in pairs:
            if isinstance(name, ast.Name) and isinstance(value, ast.Attribute) and value.attr in SECTIONS:
                yield name.id, value.attr


def _annotated(argument: str, annotation: str) -> Iterator[tuple[str, str]]:
    yield from ((argument, name) for name in SECTIONS if section_type(name).__name__ == annotation)


def _entries_of_mix(node: ast.For | ast.comprehension) -> Iterator[str]:
    names = [child.id for child in ast.walk(node.target) if isinstance(child, ast.Name)]
    if any(isinstance(child, ast.Attribute) and child.attr == "mix" for child in ast.walk(node.iter)):
        yield from names


def used_by(paths: list[Path]) -> set[Setting]:
    return {setting for path in paths for setting in reads(ast.parse(path.read_text(encoding="utf-8")))}


USED = used_by(modules())


@pytest.mark.parametrize("setting", settings(), ids=".".join)
def test_it_is_used(setting: Setting) -> None:
    section, field = setting
    passed_on = section == "train" and field in SAME_NAME
    assert passed_on or setting in USED or (section, BY_PROPERTY.get(field, "")) in USED


def test_one_that_nothing_reads_is_found() -> None:
    tree = ast.parse(
        "def f(preset, data: DataSection):\n    train = preset.train\n    return train.seed, data.mix"
    )
    assert reads(tree) == {("train", "seed"), ("data", "mix")}
    without = used_by([path for path in modules() if path.name != "arguments.py"])
    assert {("report", "run_name"), ("report", "report_to")} <= USED - without


def test_the_trainer_knows_what_it_is_sent() -> None:
    assert set(SAME_NAME) <= {field.name for field in dataclasses.fields(SFTConfig)}
    assert USED_ELSEWHERE.isdisjoint(SAME_NAME)
    assert {field for section, field in USED if section == "train"} >= USED_ELSEWHERE


def test_what_is_in_no_section_is_for_people() -> None:
    assert set(Preset.model_fields) - set(SECTIONS) == {"description"}
