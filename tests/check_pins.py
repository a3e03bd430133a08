"""Hold constraints.txt against the package index, by hand: `python -m tests.check_pins [3.11 3.12 3.13]`.

For each Python, on Linux x86-64: every pin is a wheel that exists, and what ftui with training and development tools
would install, CUDA's libraries included, is pinned. Metadata alone is fetched; needs a pip of 2024 or newer.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PINS = ROOT / "constraints.txt"
PLATFORMS = (
    *(f"manylinux_2_{n}_x86_64" for n in (28, 27, 26, 25, 24, 18, 17, 12, 5)),
    "manylinux2014_x86_64",
    "manylinux2010_x86_64",
    "manylinux1_x86_64",
)


def resolve(python: str, *arguments: str) -> tuple[dict[str, str], str]:
    """Name -> version of what pip would install for a Python; empty with pip's last line when it cannot."""
    platforms = [part for name in PLATFORMS for part in ("--platform", name)]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        target = [
            "--target",
            f"{folder}/site",
            "--python-version",
            python,
            "--implementation",
            "cp",
            *platforms,
        ]
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"),
                *("--only-binary=:all:", "--report", str(report)),
                *target,
                *arguments,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            return {}, done.stderr.strip().splitlines()[-1]
        found: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {name(one["metadata"]["name"]): one["metadata"]["version"] for one in found}, ""


def name(package: str) -> str:
    """A package's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", package).lower()


def pins() -> dict[str, str]:
    """Name -> version of every pin."""
    lines = [
        line for line in PINS.read_text(encoding="utf-8").splitlines() if "==" in line and line[0] != "#"
    ]
    return {name(line.partition("==")[0]): line.partition("==")[2] for line in lines}


def requirements() -> list[str]:
    """Everything pyproject.toml asks for, with all its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    return [*project["dependencies"], *(one for group in extras.values() for one in group)]


def missing_wheels(python: str) -> list[str]:
    """The pins that have no wheel for a Python."""
    wanted = [f"{package}=={version}" for package, version in pins().items()]
    found, _ = resolve(python, "--no-deps", *wanted)
    if found:
        return []
    return [one for one in wanted if not resolve(python, "--no-deps", one)[0]]


def main(versions: list[str]) -> int:
    bad = False
    for python in versions:
        lacking = missing_wheels(python)
        found, problem = resolve(python, "--constraint", str(PINS), *requirements())
        unpinned = sorted(set(found) - set(pins()))
        bad |= bool(lacking or problem or unpinned)
        print(
            f"Python {python}: {len(pins())} pins, without a wheel: {', '.join(lacking) or 'none'}; "
            f"{problem or f'{len(found)} packages would be installed, not pinned: {unpinned or None}'}",
            flush=True,
        )
    return int(bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["3.11", "3.12", "3.13"]))
