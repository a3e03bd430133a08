"""A package named torch with the facts of another build, for processes that ask an installed PyTorch what it can do."""

from __future__ import annotations

from pathlib import Path

VERSION = """from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip']
__version__ = {version!r}
debug = False
cuda: Optional[str] = {cuda!r}
git_version = 'cf30153c4c131c8164ee7798e5022d810682e2cb'
hip: Optional[str] = {hip!r}
"""
LIBRARY = """from torch import version
from torch.version import __version__


class _C:
    @staticmethod
    def _cuda_getArchFlags():
        return {architectures!r} if version.cuda else None


class cuda:
    @staticmethod
    def is_available():
        return {available!r}

    @staticmethod
    def init():
        raise RuntimeError({problem!r})

    @staticmethod
    def get_device_name(index):
        return "NVIDIA GeForce RTX 4090"
"""
CU130 = "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120"
CU126 = "sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90"


def write(
    folder: Path,
    version: str = "2.13.0",
    cuda: str | None = "13.0",
    hip: str | None = None,
    architectures: str = CU130,
    available: bool = True,
    problem: str = "",
) -> str:
    """Put the package there; returns the folder, for PYTHONPATH. It has no tensors: 4-bit products fail on it."""
    package = folder / "torch"
    package.mkdir(parents=True, exist_ok=True)
    (package / "version.py").write_text(VERSION.format(version=version, cuda=cuda, hip=hip), encoding="utf-8")
    library = LIBRARY.format(architectures=architectures, available=available, problem=problem)
    (package / "__init__.py").write_text(library, encoding="utf-8")
    bitsandbytes = folder / "bitsandbytes.py"
    bitsandbytes.write_text("raise ImportError('no bitsandbytes beside a torch without tensors')\n")
    return str(folder)
