"""docs/run-directory.md and docs/keys.md name what the code writes and binds."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import fields
from types import ModuleType
from typing import Any

import pytest
from textual.binding import Binding

import runner.queue
import runner.store
import runner.supervision
import runner.train
import tui.screens
import tui.widgets
from runner.insight.diagnosis import Severity, diagnose
from runner.insight.train_curve import STEP_COLUMNS
from runner.queue.tickets import Ticket
from runner.store.checkpoints import NEEDED
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from runner.store.history import History
from runner.store.requests import STOPPING, Request
from runner.store.summary import summarise
from runner.supervision import gpu_reader, launch
from runner.supervision.replan import Plan
from runner.supervision.system_sample import system_sample
from tests.pages import ROOT
from tui.screens.editor import EditorScreen
from tui.screens.help import KEY_NAMES
from tui.screens.main import MainScreen

PAGE = (ROOT / "docs" / "run-directory.md").read_text(encoding="utf-8")
KEYS = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
# What is read, not written, or comes from the list of a row's fields in words.
OF_OTHER_TRAINERS = {"metrics"}
# What chat templates are shown has types too.
OF_TOOLS = {"function", "object", "string"}
KEYS_OF_WIDGETS = {"tab", "↑", "↓", "?", "ctrl+p"}


def section(title: str, page: str = PAGE) -> str:
    """The text below a heading, up to the next one of its level or above."""
    start = re.search(rf"^(#+) {re.escape(title)}$", page, re.MULTILINE)
    assert start is not None, title
    rest = page[start.end() :]
    end = re.search(rf"^#{{1,{len(start[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def named(text: str) -> set[str]:
    """What stands in backquotes."""
    return set(re.findall(r"`([^`\n]+)`", text))


def rows(text: str) -> dict[str, str]:
    """A table by what its first cell names first."""
    return {match[1]: match[0] for match in re.finditer(r"^\| `([^`]+)`.*$", text, re.MULTILINE)}


def modules(*packages: ModuleType) -> Iterator[str]:
    """The source of every module below."""
    for package in packages:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            spec = importlib.util.find_spec(found.name)
            if spec is not None and spec.origin is not None and not found.ispkg:
                with open(spec.origin, encoding="utf-8") as file:  # noqa: PTH123
                    yield file.read()


def written_events() -> dict[str, set[str]]:
    """Type and fields of every event that is written out as such in the code."""
    found: dict[str, set[str]] = {}
    for source in modules(runner.store, runner.queue, runner.supervision, runner.train):
        for node in ast.walk(ast.parse(source)):
            for kind, names in (appended(node), literal(node)):
                if kind and names:
                    found.setdefault(kind, set()).update(names)
    # These are written as they are declared; every event has its time.
    found["step"] |= {column.key for column in STEP_COLUMNS} - {"t"}
    return found


def appended(node: ast.AST) -> tuple[str, set[str]]:
    """Type and fields of `log.append("type", field=…)`; no fields for anything else."""
    if not isinstance(node, ast.Call) or getattr(node.func, "attr", "") != "append" or not node.args:
        return "", set()
    spread = [one.value for one in node.keywords if isinstance(one.value, ast.Dict) and not one.arg]
    names = {one.arg for one in node.keywords if one.arg} | {key for one in spread for key in keys_of(one)}
    return text_of(node.args[0]), names


def literal(node: ast.AST) -> tuple[str, set[str]]:
    """Type and fields of `{"type": "type", "field": …}`."""
    names = keys_of(node) if isinstance(node, ast.Dict) else []
    if not isinstance(node, ast.Dict) or "type" not in names:
        return "", set()
    kind = text_of(node.values[names.index("type")])
    if kind in OF_TOOLS:
        return "", set()
    return kind, set(names) - {"type"} if kind else set()


def text_of(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def keys_of(node: ast.Dict) -> list[str]:
    return [key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]


EVENTS = written_events()


def test_events_are_found_in_the_code() -> None:
    assert {"step", "eval", "plan", "end", "error", "header", "checkpoint", "replan"} <= EVENTS.keys()
    assert {"loss", "grad_norm", "tokens"} <= EVENTS["step"]
    assert {"class", "hint", "at"} <= EVENTS["error"]
    assert {"exit_code", "best_step"} <= EVENTS["end"]


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_every_event_and_its_fields_are_described(kind: str) -> None:
    described = rows(section("events.jsonl"))
    assert kind in described
    assert EVENTS[kind] <= named(described[kind])


def test_no_event_is_described_that_is_not_there() -> None:
    read = {name.removeprefix("_on_") for name in vars(History) if name.startswith("_on_")}
    assert set(rows(section("events.jsonl"))) == EVENTS.keys() | read | OF_OTHER_TRAINERS


def test_state_ticket_plan_and_sample_are_described() -> None:
    history = History()
    state = summarise(history, diagnose(history.curves()))
    assert state.keys() <= named(section("state.json"))
    assert {field.name for field in fields(Ticket)} <= named(section("The queue"))
    assert {field.name for field in fields(Plan)} <= named(section("replan.json"))
    assert system_sample(0, None).keys() <= named(section("system.jsonl"))
    of_gpu = set(re.findall(r'^ +"(\w+)": ', inspect.getsource(gpu_reader), re.MULTILINE))
    assert "temperature_c" in of_gpu
    assert of_gpu <= named(section("system.jsonl"))


def test_the_record_of_a_run_is_described() -> None:
    record = set(re.findall(r'^ +"(\w+)": ', inspect.getsource(launch), re.MULTILINE))
    assert {"argv", "versions", "git_commit"} <= record
    assert record <= named(section("run.json"))


def test_requests_phases_and_severities_are_described() -> None:
    assert set(rows(section("requests/"))) == {request.value for request in Request}
    assert STOPPING in named(section("requests/"))
    assert {phase.value for phase in Phase} <= named(section("Phases"))
    words = ", ".join(f"{one.value} {one.name.lower()}" for one in Severity)
    assert words in section("state.json")
    assert set(NEEDED) <= named(section("checkpoints/"))


def test_every_file_of_a_run_is_described() -> None:
    paths = [
        getattr(RunDirectory(ROOT), name).name
        for name, value in vars(RunDirectory).items()
        if isinstance(value, property) and name not in ("id", "home")
    ]
    assert "events.jsonl" in paths
    assert [name for name in paths if not re.search(rf"^ +{re.escape(name)}/? ", PAGE, re.MULTILINE)] == []


def bindings(owner: type[Any]) -> set[str]:
    """The keys of a class, as pages name them."""
    found = [one if isinstance(one, Binding) else Binding(*one) for one in owner.__dict__.get("BINDINGS", ())]
    return {KEY_NAMES.get(key, key) for one in found for key in one.key.split(",")}


def every_binding() -> set[str]:
    """The keys of every screen and widget."""
    found: set[str] = set()
    for package in (tui.screens, tui.widgets):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            classes = [
                one for one in vars(importlib.import_module(module.name)).values() if isinstance(one, type)
            ]
            found |= {key for one in classes for key in bindings(one)}
    return found


def first_cells(text: str) -> set[str]:
    return {
        key for line in text.splitlines() if line.startswith("| `") for key in named(line.split(" | ")[0])
    }


def test_keys_that_are_described_are_bound() -> None:
    described = first_cells(KEYS)
    assert len(described) > 30
    assert described - KEYS_OF_WIDGETS <= every_binding()


@pytest.mark.parametrize(
    ("screen", "title"), [(MainScreen, "The main screen"), (EditorScreen, "The workbench (`e`)")]
)
def test_keys_that_are_bound_are_described(screen: type[Any], title: str) -> None:
    # `?` and leaving are said once for all screens.
    assert bindings(screen) - {"?", "q", "esc", "enter"} <= first_cells(section(title, KEYS))


def test_a_page_that_lacks_something_is_seen() -> None:
    assert "loss" in named(rows(section("events.jsonl"))["step"])
    without = PAGE.replace("`loss` (of this optimizer step), ", "")
    assert not EVENTS["step"] <= named(rows(section("events.jsonl", without))["step"])
