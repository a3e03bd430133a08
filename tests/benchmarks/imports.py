"""What our programs import, and how long it takes: `python -m tests.benchmarks.imports`.

For each program the time and number of modules by top-level package, as `python -X importtime` tells them, and the time
as a ratio to importing textual alone, the best of rounds in which all take turns. Exit code 1 where a package is over
its budget.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field

import pytest

ROUNDS = 7
LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \| +(\S+)")
FLOOR = "textual.app, textual.widgets"
STANDARD = "standard library"
# Packages that cost less are not listed by themselves.
LEAST_RATIO = 0.01

# What a package may cost where it is imported, as a ratio to importing textual alone: half as much again as measured
# (results/imports.md). Others may cost REST, which is more than any small one does.
BUDGETS: dict[str, dict[str, float]] = {
    "tui.cli": {STANDARD: 0.3, "click": 0.08},
    "tui.cli.run": {
        STANDARD: 0.7,
        "click": 0.08,
        "numpy": 0.85,
        "pydantic": 0.25,
        "pydantic_core": 0.12,
        "ruamel": 0.1,
        "runner": 1.3,
        "tui": 0.08,
    },
    "tui.app": {STANDARD: 0.65, "textual": 0.75, "rich": 0.2, "numpy": 0.85, "runner": 0.45, "tui": 0.4},
    "runner.supervision.__main__": {STANDARD: 0.35, "runner": 0.15},
    "runner.queue.waiting": {STANDARD: 0.35, "runner": 0.15},
    "runner.foreign.opening": {STANDARD: 0.6, "numpy": 0.85, "runner": 0.4},
}
REST = 0.06


@dataclass
class Imports:
    """By package: seconds of each round, and the number of modules."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    modules: Counter[str] = field(default_factory=Counter)

    def add(self, told: list[tuple[str, float]]) -> None:
        self.modules = Counter(package for package, _ in told)
        total: Counter[str] = Counter()
        for package, seconds in told:
            total[package] += seconds  # type: ignore[assignment]
        for package, value in total.items():
            self.seconds.setdefault(package, []).append(value)

    def cost(self, package: str) -> float:
        return min(self.seconds[package])

    @property
    def whole(self) -> float:
        return sum(self.cost(package) for package in self.seconds)


def package_of(module: str) -> str:
    top = module.split(".")[0]
    return STANDARD if top in sys.stdlib_module_names or top.startswith("_") else top


def told(names: str) -> list[tuple[str, float]]:
    """Package and seconds of each module that a fresh Python imports for these, without what every Python does."""
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-c",
        f"import sys; sys.stderr.write('begun'); import {names}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = LINE.findall(done.stderr.split("begun", 1)[1])
    return [(package_of(module), int(microseconds) / 1e6) for microseconds, module in lines]


def measured() -> tuple[float, dict[str, Imports]]:
    """Seconds for textual alone, and for each program what it imports."""
    floor, programs = Imports(), {name: Imports() for name in BUDGETS}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # Compiled, as in an installed ftui, with nothing written beside the sources.
        patch.setenv("PYTHONPYCACHEPREFIX", folder)
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        for name in (FLOOR, *BUDGETS):
            told(name)
        for _ in range(ROUNDS):
            floor.add(told(FLOOR))
            for name, imports in programs.items():
                imports.add(told(name))
    return floor.whole, programs


def over(program: str, package: str, ratio: float) -> bool:
    return ratio > BUDGETS[program].get(package, REST)


def main() -> int:
    floor, programs = measured()
    print(
        f"importing textual alone: {1000 * floor:.0f} ms (as -X importtime tells it, which is slower than life)\n"
    )
    print("| program | package | modules | ms | ratio | budget |")
    print("|---|---|---|---|---|---|")
    is_over = False
    for program, imports in programs.items():
        whole = imports.whole
        print(
            f"| `{program}` | all | {imports.modules.total()} | {1000 * whole:.1f} | {whole / floor:.2f} | |"
        )
        for package in sorted(imports.seconds, key=imports.cost, reverse=True):
            ratio = imports.cost(package) / floor
            budget = BUDGETS[program].get(package, REST)
            is_over = is_over or ratio > budget
            if ratio >= LEAST_RATIO or ratio > budget:
                mark = " **over**" if ratio > budget else ""
                cost = f"{1000 * imports.cost(package):.1f} | {ratio:.2f}"
                print(f"| | {package} | {imports.modules[package]} | {cost} | {budget:.2f}{mark} |")
    return 1 if is_over else 0


if __name__ == "__main__":
    raise SystemExit(main())
