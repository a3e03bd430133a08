"""What pages of Markdown say: links, anchors, command lines, settings, examples; and what is wrong with them."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from runner.preset.fields import fields
from runner.preset.schema import SECTIONS
from tui.cli import cli

ROOT = Path(__file__).parent.parent
# Not ours to mend: samples of other trainers, and what tools leave.
FOREIGN = {"data", "node_modules", "__pycache__", "wheels"}

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.*?) *#*$", re.MULTILINE)
_COMMAND = re.compile(r"(?<![\w.-])ftui(?= |$)")
# Aligned words after a command, a comment, or the end of tmux' #(…).
_AFTER = re.compile(r"\s{2,}|\s#\s|[)]")
_KEY = re.compile(rf"(?<![\w/.-])({'|'.join(SECTIONS)})\.([a-z_][a-z0-9_]*)")
_SUFFIXES = {"md", "log", "json", "jsonl", "csv", "yaml", "svg", "safetensors"}
NAMES = frozenset(field.name for field in fields())


@dataclass(frozen=True)
class Block:
    """A block of code with the language its fence names; indented ones have none."""

    language: str
    text: str

    @property
    def is_session(self) -> bool:
        """Whether it shows what a command prints."""
        return self.text.lstrip().startswith("$ ")


def pages() -> list[Path]:
    """Every page of the repository."""
    found = [*ROOT.glob("*.md"), *(ROOT / ".github").rglob("*.md")]
    for folder in ("docs", "tests", "presets"):
        found += (ROOT / folder).rglob("*.md")
    return sorted(path for path in found if not FOREIGN & set(path.relative_to(ROOT).parts))


def guides() -> list[Path]:
    """The pages that people read to learn what to do."""
    return [path for path in pages() if "tests" not in path.relative_to(ROOT).parts]


def blocks(text: str) -> list[Block]:
    """The blocks of code, fenced and indented ones."""
    found = [Block(match[1], match[2]) for match in _FENCE.finditer(text)]
    indented: list[str] = []
    for line in [*_FENCE.sub("\n", text).split("\n"), "end"]:
        if line.startswith("    ") or (indented and not line.strip()):
            indented.append(line[4:])
        elif indented:
            found.append(Block("", "\n".join(indented)))
            indented = []
    return found


def prose(text: str) -> str:
    """A page without its blocks of code."""
    kept = _FENCE.sub("\n", text).split("\n")
    return "\n".join(line for line in kept if not line.startswith("    "))


def anchors(text: str) -> set[str]:
    """What can stand behind # in a link to this page, by the rules of the usual forges."""
    found: set[str] = set()
    seen: Counter[str] = Counter()
    for match in _HEADING.finditer(_FENCE.sub("\n", text)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match[1]).lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


def link_problems(page: Path, text: str) -> Iterator[str]:
    """Relative links and pictures that lead nowhere."""
    for match in _LINK.finditer(_INLINE.sub("", prose(text))):
        target, _, anchor = match[1].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        there = page.parent / target if target else page
        if not there.exists():
            yield f"{page.name}: {match[1]} leads to no file"
        elif anchor:
            words = there.read_text(encoding="utf-8") if target else text
            if anchor not in anchors(words):
                yield f"{page.name}: {match[1]} leads to no heading"


def commands(text: str) -> Iterator[tuple[str, bool]]:
    """(command line, whether it is whole): those of blocks are, those that prose names may leave arguments out."""
    for block in blocks(text):
        for line in block.text.split("\n"):
            start = _COMMAND.search(line)
            if (
                start is None
                or "[OPTIONS]" in line
                or line.lstrip().startswith("#")
                or block.language == "python"
            ):
                continue
            rest = line[start.start() :]
            end = _AFTER.search(rest)
            yield from (
                (one.strip(), True) for one in re.split(r",\s(?=ftui)", rest[: end.start() if end else None])
            )
    for match in _INLINE.finditer(prose(text)):
        if _COMMAND.match(match[1]):
            yield match[1].replace("\\|", "|"), False


def command_problem(line: str, whole: bool = True) -> str:
    """Why the command line would be refused before anything is done; empty when it would not."""
    words = shlex.split(line)[1:]
    if words[:1] == ["VERB"]:
        return ""
    command: click.Command = cli
    ctx = None
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            while True:
                ctx = command.make_context(command.name or "ftui", list(words), parent=ctx)
                words = [*getattr(ctx, "_protected_args", ()), *ctx.args]
                if not isinstance(command, click.Group) or not words:
                    return ""
                _, found, words = command.resolve_command(ctx, words)
                assert found is not None
                command = found
    except click.exceptions.Exit:
        # --help, --version.
        return ""
    except click.MissingParameter as error:
        return f"{line}: {error.format_message()}" if whole else ""
    except click.UsageError as error:
        return f"{line}: {error.format_message()}"


def key_problems(text: str) -> Iterator[str]:
    """Settings that are named and are not there."""
    text = text.replace("\\_", "_")
    for block in blocks(text):
        if block.is_session:
            text = text.replace(
                "\n".join(f"    {line}".rstrip() for line in block.text.rstrip().split("\n")), ""
            )
    for section, key in _KEY.findall(text):
        if f"{section}.{key}" not in NAMES and key not in _SUFFIXES:
            yield f"there is no setting {section}.{key}"
