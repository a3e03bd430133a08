"""What to install with this Linux's package manager. Also read by Pythons too old for the rest of this project."""

from __future__ import annotations

import os

RELEASE = "/etc/os-release"
# Family -> how it installs, its Python with venv, its C compiler and Python headers; {0} is a version like 3.11.
LINES = {
    "debian": ("sudo apt install", "python{0} python{0}-venv", "gcc libc6-dev python{0}-dev"),
    "fedora": ("sudo dnf install", "python{0}", "gcc python{0}-devel"),
    "suse": ("sudo zypper install", "python{1}", "gcc python{1}-devel"),
    "arch": ("sudo pacman -S", "python", "gcc"),
    "alpine": ("apk add", "python3", "gcc musl-dev python3-dev"),
}
FAMILIES = {"ubuntu": "debian", "rhel": "fedora", "centos": "fedora", "sles": "suse", "opensuse": "suse"}


def family(text: str) -> str | None:
    """The family of a distribution by the text of its os-release; None for an unknown one."""
    values = {}
    for line in text.splitlines():
        key, _, value = line.partition("=")
        values[key.strip()] = value.strip().strip("\"'").lower()
    names = [values.get("ID", ""), *values.get("ID_LIKE", "").split()]
    return next((known for name in names if (known := FAMILIES.get(name, name)) in LINES), None)


def this_family(path: str = RELEASE) -> str | None:
    """The family of the distribution that runs here; None where it is not known."""
    try:
        # A path of the system itself; O_NONBLOCK keeps whatever lies there from making us wait.
        with os.fdopen(
            os.open(path, os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8", errors="replace"
        ) as stream:
            return family(stream.read(10000))
    except OSError:
        return None


def python_line(version: str, of: str | None) -> str:
    """The command that installs a Python ('3.11') with venv."""
    return _line(version, of, 1) or f"install Python {version} with its venv module"


def compiler_line(version: str, of: str | None) -> str:
    """The command that installs a C compiler and the headers of a Python."""
    return _line(version, of, 2) or f"install gcc and the headers of Python {version}"


def _line(version: str, of: str | None, which: int) -> str | None:
    if of is None:
        return None
    parts = LINES[of]
    return f"{parts[0]} {parts[which].format(version, version.replace('.', ''))}"
