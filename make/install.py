"""`python3 -m make.install VENV [EXTRA …]`: a virtual environment with ftui in it, made, healed or left as it is.

What can be known before gigabytes are fetched is looked at first: the Python, its venv module, the disk. Runs on
Python 3.8 too, so that one too old can be told from the right one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from typing import Sequence

from runner.machine import distribution

LEAST = (3, 11)
# PyTorch with CUDA is 5 GB installed, the wheels it comes in another 3 while they are unpacked.
LEAST_FREE_GB = 10
NAMES = ("python3.13", "python3.12", "python3.11", "python3.14")
STAMP = ".ftui-installed"
ASK = "import sys, ensurepip, venv; print('%d.%d' % sys.version_info[:2])"
VERSION = sys.version_info[:2]
ALIVE = "import sys, pip; print('%d.%d' % sys.version_info[:2])"


class RefusedError(Exception):
    """Nothing was installed; the message says what is missing and how to get it."""


def main(arguments: Sequence[str]) -> int:
    """Make or heal the environment; 0 when it stands, 1 with two lines saying why not."""
    folder, extras = arguments[0], sorted(set(arguments[1:]))
    try:
        install(folder, extras)
    except RefusedError as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(
            f"The installation broke off (exit code {error.returncode}). Run make again: it begins where it was.",
            file=sys.stderr,
        )
        return 1
    return 0


def install(folder: str, extras: Sequence[str]) -> None:
    """Install what is wanted unless it stands already. Raises RefusedError or CalledProcessError."""
    wanted = fingerprint(extras)
    if is_alive(folder) and wanted in stamps(folder):
        return
    if not is_alive(folder):
        make_venv(folder)
    ensure_disk(folder)
    print(f"Installing ftui ({', '.join(extras) or 'core'}) into {folder} …", flush=True)
    subprocess.run(
        [
            python_of(folder),
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "-c",
            "constraints.txt",
            "-e",
            f".[{','.join(extras)}]" if extras else ".",
        ],
        check=True,
    )
    write_stamp(folder, wanted, extras)


def make_venv(folder: str) -> None:
    """A new environment in place of nothing, or of one that is broken. Raises RefusedError or CalledProcessError."""
    python = find_python()
    if os.path.isdir(folder) and os.listdir(folder):
        if not os.path.exists(os.path.join(folder, "pyvenv.cfg")):
            raise RefusedError(
                f"{folder} is there and is no virtual environment, so it is left alone.\n"
                "Name another one: make run VENV=some-folder"
            )
        print(f"{folder} is broken or was left half made: it is made anew.", flush=True)
    subprocess.run([python, "-m", "venv", "--clear", folder], check=True)


def find_python() -> str:
    """A Python that is new enough and can make environments: the one that runs this first. Raises RefusedError."""
    without_venv = None
    for name in (sys.executable, *NAMES):
        path = shutil.which(name)
        if path is None:
            continue
        version = answer(path, ASK)
        if version is None:
            version = answer(path, ASK.replace(", ensurepip, venv", ""))
            if version is not None and as_numbers(version) >= LEAST:
                without_venv = without_venv or version
        elif as_numbers(version) >= LEAST:
            return path
    family = distribution.this_family()
    if without_venv is not None:
        raise RefusedError(
            f"Python {without_venv} is here without its venv module, so no environment can be made.\n"
            f"{distribution.python_line(without_venv, family)}"
        )
    raise RefusedError(
        f"Python {VERSION[0]}.{VERSION[1]} is too old: ftui needs 3.11 or newer, and none of {', '.join(NAMES)} "
        f"is here.\n{distribution.python_line('3.11', family)}"
    )


def as_numbers(version: str) -> tuple[int, ...]:
    """'3.11' as (3, 11)."""
    return tuple(int(part) for part in version.split("."))


def answer(python: str, code: str) -> str | None:
    """What a Python prints, None when it cannot."""
    try:
        done = subprocess.run(
            [python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("ascii", "replace").strip() if done.returncode == 0 else None


def python_of(folder: str) -> str:
    """The environment's own Python."""
    return os.path.join(folder, "bin", "python")


def is_alive(folder: str) -> bool:
    """Whether the environment's Python starts, is new enough and has pip."""
    version = answer(python_of(folder), ALIVE)
    return version is not None and as_numbers(version) >= LEAST


def ensure_disk(folder: str) -> None:
    """Raises RefusedError when PyTorch would not fit."""
    free = shutil.disk_usage(folder).free / 1e9
    if free < LEAST_FREE_GB and not os.path.exists(os.path.join(folder, STAMP)):
        raise RefusedError(
            f"{os.path.abspath(folder)} has {free:.1f} GB free, and PyTorch with CUDA takes about {LEAST_FREE_GB} "
            "while it is installed.\nFree some, or put the environment elsewhere: make run VENV=/some/disk/venv"
        )


def fingerprint(extras: Sequence[str]) -> str:
    """What the environment depends on, as one line: the files that name versions, and the extras."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        with open(name, "rb") as stream:
            digest.update(stream.read())
    return f"{digest.hexdigest()} {','.join(extras)}"


def stamps(folder: str) -> list[str]:
    """What was installed to its end: a line for each set of extras."""
    try:
        with open(os.path.join(folder, STAMP), encoding="utf-8", errors="replace") as stream:
            return stream.read().splitlines()
    except OSError:
        return []


def write_stamp(folder: str, wanted: str, extras: Sequence[str]) -> None:
    """Note what stands now; a larger set of extras brings the smaller ones."""
    digest = wanted.split()[0]
    smaller = (
        [] if "dev" not in extras else [f"{digest} {','.join(name for name in extras if name != 'dev')}"]
    )
    kept = [line for line in stamps(folder) if line.startswith(digest)]
    temporary = os.path.join(folder, STAMP + ".tmp")
    with open(temporary, "w", encoding="utf-8") as stream:
        stream.write("\n".join(sorted({*kept, *smaller, wanted})) + "\n")
    os.replace(temporary, os.path.join(folder, STAMP))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
