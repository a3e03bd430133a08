"""What may be imported where, in fresh interpreters; the arrows between packages are import-linter's (make check)."""

from __future__ import annotations

import subprocess
import sys

import pytest

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


@pytest.mark.parametrize(
    "module",
    ["runner.supervision.launch", "runner.supervision.__main__", "tui.models.run_view", "tui.cli.run"],
)
def test_the_headless_part_needs_no_textual(module: str) -> None:
    statement = f"import {module}"
    if module == "tui.cli.run":
        # Its progress bar is rich's, which textual brings along.
        assert "torch" not in imported_by(statement)
    else:
        assert "textual" not in imported_by(statement)


def test_help_needs_almost_nothing() -> None:
    assert imported_by("import tui.cli").isdisjoint({"textual", "pydantic", "ruamel", "psutil", "pynvml"})
