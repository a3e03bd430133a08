"""`python -m tests.dearest [FILE]`: run the tests and print the twenty dearest, and the seconds of each folder.

With the file of an earlier `pytest --durations=0` it prints what that one took.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
SHOWN = 20
LINE = re.compile(r"^([0-9.]+)s (call|setup|teardown) +(\S.*)$")
COMMAND = ("-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "--durations=0", "--durations-min=0.005")


def seconds(text: str) -> Counter[str]:
    """{test: seconds, with what was set up for it} of what pytest printed."""
    found: Counter[str] = Counter()
    for line in text.splitlines():
        if match := LINE.match(line):
            found[match[3].partition("@")[0]] += float(match[1])  # type: ignore[assignment]
    return found


def table(found: Counter[str]) -> str:
    """As markdown: the dearest tests, the folders, and the last line of pytest."""
    folders: Counter[str] = Counter()
    for test, taken in found.items():
        folders["/".join(test.split("::")[0].split("/")[:2])] += taken
    lines = ["| seconds | test |", "|--:|---|"]
    lines += [f"| {taken:.1f} | {test.removeprefix('tests/')} |" for test, taken in found.most_common(SHOWN)]
    lines += ["", "| seconds | folder |", "|--:|---|"]
    lines += [f"| {taken:.0f} | {folder} |" for folder, taken in folders.most_common()]
    return "\n".join([*lines, f"| {found.total():.0f} | all, of one worker |"])


def main(arguments: list[str]) -> int:
    if arguments:
        print(table(seconds(Path(arguments[0]).read_text(encoding="utf-8"))))
        return 0
    done = subprocess.run(
        [sys.executable, *COMMAND], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    print(table(seconds(done.stdout)))
    print(f"\n{done.stdout.strip().splitlines()[-1]}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
