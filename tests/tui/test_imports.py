"""What may be imported where, in fresh interpreters; the arrows between packages are import-linter's (make check)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tui.cli

CLI = Path(tui.cli.__file__).parent
HEAVY = {"torch", "transformers", "trl", "peft", "datasets", "bitsandbytes", "accelerate"}


def imported_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module", ["tui.app", "tui.cli", "runner.supervision.__main__", "runner.supervision.launch", "runner.gpu"]
)
def test_nothing_but_the_trainer_imports_the_training_stack(module: str) -> None:
    assert imported_by(f"import {module}").isdisjoint(HEAVY)


def test_a_run_is_supervised_without_what_only_curves_and_forms_need() -> None:
    """A supervisor lives as long as its run, and a waiting one as long as the queue: there may be many."""
    for module in ("runner.supervision.__main__", "runner.queue.waiting"):
        heavy = {"numpy", "pydantic", "ruamel", "msgspec", "textual", "rich", "click", "asyncio"}
        assert imported_by(f"import {module}").isdisjoint(heavy), module


def test_no_verb_imports_the_screen() -> None:
    """`ftui run --plain` in a job script; rich, which draws a bar or a chart there, is imported where one is drawn."""
    verbs = [f"tui.cli.{path.stem}" for path in sorted(CLI.glob("*.py")) if not path.stem.startswith("_")]
    assert {"tui.cli.run", "tui.cli.watch", "tui.cli.explain"} <= set(verbs)
    assert imported_by(f"import {', '.join(verbs)}").isdisjoint({"textual", *HEAVY})
    verbs = [name for name in verbs if name not in ("tui.cli.explain", "tui.cli.rich_out")]
    assert "rich" not in imported_by(f"import {', '.join(verbs)}")


@pytest.mark.parametrize("module", ["runner.supervision.launch", "tui.models.run_view"])
def test_the_headless_part_needs_no_textual(module: str) -> None:
    assert imported_by(f"import {module}").isdisjoint({"textual", "rich"})


def test_the_screen_is_made_before_presets_and_load_are_looked_at() -> None:
    assert imported_by("import tui.app").isdisjoint({"pydantic", "ruamel", "psutil", "pynvml", "click"})


def test_help_needs_almost_nothing() -> None:
    assert imported_by("import tui.cli").isdisjoint({"textual", "pydantic", "ruamel", "psutil", "pynvml"})
