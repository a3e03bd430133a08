"""The packages that train: which are installed, and in which version, without importing any of them."""

from __future__ import annotations

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
