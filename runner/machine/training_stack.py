"""The packages that train: which are installed, in which version, and the command that runs code with them.

None of them is imported here.
"""

from __future__ import annotations

import sys

STACK = ("torch", "transformers", "trl", "peft", "bitsandbytes", "datasets", "accelerate")
NEEDED = ("torch", "transformers", "trl", "peft", "datasets")


def missing_packages() -> list[str]:
    """The packages of the training stack that are not installed."""
    return [name for name in NEEDED if version(name) is None]


def version(package: str) -> str | None:
    """The installed version of a package, without importing it."""
    # Here: the screen asks for the names alone, and this takes as long as a tenth of its start.
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def command(module: str, *arguments: object) -> list[str]:
    """What starts a module of ftui's that imports them: the one place that says with which Python. -P keeps a folder
    named `runner` in the user's current directory from being imported instead of ours.

    With another Python than this one, what is asked of this one's packages has to be asked of that: version(),
    missing_packages(), torch_build.installed(), toolchain.py, and freshness.py of warm starts.
    """
    return [sys.executable, "-P", "-m", module, *map(str, arguments)]
