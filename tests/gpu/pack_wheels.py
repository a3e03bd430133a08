"""Pack what a GPU box without internet may lack as wheels: `python -m tests.gpu.pack_wheels wheels`.

For a box whose Python 3.12 (Linux x86-64) already holds torch with CUDA, transformers, peft and accelerate.
bitsandbytes is cut down to the CPU library and one CUDA library: the wheels and the working tree together, which is
what is carried to such a box, stay under 64 MiB.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "msgspec",
    "trl",
    "datasets",
    "bitsandbytes",
    "textual",
    "pydantic",
    "pydantic-core",
    "ruamel.yaml",
    "nvidia-ml-py",
    "psutil",
    "click",
    "dill",
    "multiprocess",
    "xxhash",
    "pyarrow",
    "annotated-types",
    "typing-inspection",
    "typing-extensions",
    "linkify-it-py",
    "mdit-py-plugins",
    "uc-micro-py",
    "platformdirs",
)
# Already on such a box and large; named with --with to carry them all the same.
USUALLY_THERE = {"pyarrow", "psutil", "click", "typing-extensions", "xxhash"}
PLATFORMS = (
    *(f"manylinux_2_{n}_x86_64" for n in (39, 36, 35, 34, 31, 28, 27, 26, 24, 17)),
    "manylinux2014_x86_64",
    "manylinux1_x86_64",
)
LIMIT_MIB = 64
MIB = 1 << 20
LARGEST = 8


def pinned(package: str, constraints: Path) -> str:
    """`package==version` from the constraints file, the bare name when it is not in there."""
    for line in constraints.read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        if _same(name, package) and version:
            return f"{package}=={version}"
    return package


def _same(one: str, other: str) -> bool:
    return re.sub(r"[-_.]+", "-", one).lower() == re.sub(r"[-_.]+", "-", other).lower()


def download(package: str, folder: Path, python: str) -> None:
    """Fetch one wheel for a Python on Linux x86-64, without what it needs."""
    platforms = [part for platform in PLATFORMS for part in ("--platform", platform)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    target = ["--python-version", python, "--implementation", "cp", *platforms, "-d", str(folder)]
    subprocess.run([*command, *target, package], check=True)


def cut_down(wheel: Path, cuda: str) -> None:
    """Rewrite a bitsandbytes wheel with the libraries of one CUDA version only."""
    smaller = wheel.with_suffix(".tmp")
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(smaller, "w", zipfile.ZIP_DEFLATED) as target:
        for item in source.infolist():
            library = re.search(r"libbitsandbytes_(\w+)\.so$", item.filename)
            if library is None or library[1] in ("cpu", f"cuda{cuda}"):
                target.writestr(item, source.read(item))
    smaller.replace(wheel)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--cuda", default="130", help="CUDA version of the box's torch without the dot (default 130)"
    )
    parser.add_argument(
        "--with", dest="extra", action="append", default=[], help="a usual package it lacks after all"
    )
    parser.add_argument("--python", default="3.12", help="version of the box's Python (default 3.12)")
    args = parser.parse_args()
    for old in args.folder.glob("*.whl"):
        old.unlink()
    args.folder.mkdir(parents=True, exist_ok=True)
    constraints = ROOT / "constraints.txt"
    for package in PACKAGES:
        if package not in USUALLY_THERE or package in args.extra:
            download(pinned(package, constraints), args.folder, args.python)
    for wheel in args.folder.glob("bitsandbytes-*.whl"):
        cut_down(wheel, args.cuda)
    raise SystemExit(weigh(args.folder) or 0)


def weigh(folder: Path) -> str:
    """Print how large wheels and working tree are, the largest by name; what is wrong with that, if anything is."""
    wheels = {wheel.name: wheel.stat().st_size for wheel in folder.glob("*.whl")}
    tree = {name: (ROOT / name).stat().st_size for name in tracked() if (ROOT / name).is_file()}
    for name, size in sorted({**wheels, **tree}.items(), key=lambda item: -item[1])[:LARGEST]:
        print(f"{size / MIB:7.1f} MiB  {name}")
    carried = (sum(wheels.values()) + sum(tree.values())) / MIB
    print(f"{sum(wheels.values()) / MIB:7.1f} MiB  {len(wheels)} wheels in {folder}")
    print(f"{sum(tree.values()) / MIB:7.1f} MiB  {len(tree)} files of the working tree")
    return "" if carried <= LIMIT_MIB else f"{carried:.1f} MiB together: more than {LIMIT_MIB}"


def tracked() -> list[str]:
    """The files of the working tree that git knows, or would: what is carried to another machine."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


if __name__ == "__main__":
    main()
