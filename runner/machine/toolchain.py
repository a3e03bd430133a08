"""The C compiler and Python headers that Triton builds its launchers with, tried as Triton does it
(triton/runtime/build.py: $CC, else gcc, else clang; the include folder of sysconfig).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass

from runner.machine import distribution

SECONDS = 30
SOURCE = "#include <stdlib.h>\n#include <Python.h>\n"


@dataclass(frozen=True)
class Toolchain:
    """The compiler that was found; `problem` says what keeps it from building, and `fix` what to install."""

    compiler: str = ""
    problem: str = ""
    fix: str = ""


def wanted() -> bool:
    """Whether Triton is installed, whose kernels are built when they are first used."""
    return importlib.util.find_spec("triton") is not None


def find() -> Toolchain:
    """Try to compile a file that includes Python.h. A tenth of a second."""
    version = "{}.{}".format(*sys.version_info[:2])
    fix = distribution.compiler_line(version, distribution.this_family())
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return Toolchain(problem="no C compiler", fix=fix)
    include = sysconfig.get_paths()["include"]
    try:
        done = subprocess.run(
            [compiler, "-fsyntax-only", f"-I{include}", "-x", "c", "-"],
            input=SOURCE,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Toolchain(compiler, f"{compiler}: {error}", fix)
    if done.returncode == 0:
        return Toolchain(compiler)
    if "Python.h" in done.stderr:
        return Toolchain(compiler, f"no Python.h in {include}", fix)
    first = next((line for line in done.stderr.splitlines() if "error" in line), "it cannot compile")
    return Toolchain(compiler, f"{compiler}: {first}", fix)
