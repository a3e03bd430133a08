"""What the tests of faults share: a run to do something to, small disks, and what the table needs of each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.redaction.blotting import look_again
from runner.store.directory import RunDirectory
from tests.conftest import ROOT, kill_below
from tests.faults.scene import Scene, kill, processes
from tests.faults.secrets import Secret
from tests.faults.terminals import Terminal
from tests.faults.trainer import PLACES


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hand the words of the table to the reporter (table.py), with the values of the parameters put in."""
    for place, item in enumerate(items):
        mark = item.get_closest_marker("fault")
        if mark is None:
            continue
        callspec = getattr(item, "callspec", None)
        values = (
            {name: _said(value) for name, value in callspec.params.items()} if callspec is not None else {}
        )
        what, must = (str(words).format(**values) for words in mark.args)
        item.user_properties.append(("fault", [place, what, must]))


def _said(value: object) -> object:
    return PLACES.get(value, value) if isinstance(value, str) else value


@pytest.fixture
def scene(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A home with nothing in it; every process left of its runs is killed afterwards."""
    folder = tmp_path / "control"
    folder.mkdir()
    monkeypatch.setenv("FTUI_FAULTS", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    made = Scene(home, folder)
    yield made
    kill_below(home)


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> Iterator[Secret]:
    """Set a variable that holds a secret; telling_trainer.py tells of all of them."""
    names: list[str] = []

    def hold(name: str, value: str) -> None:
        names.append(name)
        monkeypatch.setenv(name, value)
        monkeypatch.setenv("FTUI_TOLD", " ".join(names))
        look_again()

    yield hold
    monkeypatch.undo()
    look_again()


@pytest.fixture(scope="session")
def remains(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunDirectory]:
    """What two runs left whose supervisor and trainer were killed at once: {the place where they stood still: files}.
    Made once, because making one takes longer than most of what is done to it.
    """
    found = {}
    for place in ("training", "ending"):
        folder = tmp_path_factory.mktemp(place)
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("FTUI_FAULTS", str(folder))
            patched.setenv("PYTHONPATH", str(ROOT))
            found[place] = Scene(folder / "home", folder).start(place)
            for pid in processes(found[place]).values():
                kill(pid)
        kill_below(folder)
    return found


@pytest.fixture
def dead(scene: Scene, remains: dict[str, RunDirectory]) -> RunDirectory:
    """A run that died after step 6, with a checkpoint of step 4."""
    return scene.bury(remains["training"])


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Open terminals with a command in each; they are closed afterwards."""
    opened: list[Terminal] = []

    def open_one(*command: str) -> Terminal:
        opened.append(Terminal(*command))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()
