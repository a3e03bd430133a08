"""Pack what a GPU box without internet may lack as wheels: `python -m tests.gpu.pack_wheels wheels`.

For a box whose Python 3.12 (Linux x86-64) already holds torch with CUDA, transformers, peft and accelerate.
bitsandbytes is cut down to the CPU library and one CUDA library, so that everything stays under 64 MB.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import zipfile
from pathlib import Path

PACKAGES = (
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
LIMIT_MB = 64


def pinned(package: str, constraints: Path) -> str:
    """`package==version` from the constraints file, the bare name when it is not in there."""
    for line in constraints.read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        if _same(name, package) and version:
            return f"{package}=={version}"
    return package


def _same(one: str, other: str) -> bool:
    return re.sub(r"[-_.]+", "-", one).lower() == re.sub(r"[-_.]+", "-", other).lower()


def download(package: str, folder: Path) -> None:
    """Fetch one wheel for Python 3.12 on Linux x86-64, without what it needs."""
    platforms = [part for platform in PLATFORMS for part in ("--platform", platform)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    target = ["--python-version", "3.12", "--implementation", "cp", *platforms, "-d", str(folder)]
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
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    constraints = Path(__file__).parents[2] / "constraints.txt"
    for package in PACKAGES:
        if package not in USUALLY_THERE or package in args.extra:
            download(pinned(package, constraints), args.folder)
    for wheel in args.folder.glob("bitsandbytes-*.whl"):
        cut_down(wheel, args.cuda)
    size = sum(wheel.stat().st_size for wheel in args.folder.glob("*.whl")) / 1e6
    print(f"{args.folder}: {len(list(args.folder.glob('*.whl')))} wheels, {size:.1f} MB")
    if size > LIMIT_MB:
        raise SystemExit(f"more than {LIMIT_MB} MB")


if __name__ == "__main__":
    main()
