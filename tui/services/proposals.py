"""A run on one's own rows is proposed, and what it could train: both read files, and are asked for in threads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tui.messages import ProposalFailed, RunProposed
from tui.services.service import Post, start_thread

MEND = "Mend the path, or take another file."


def propose(post: Post, home: Path, where: Path, data: Path, model: str | None, skip_bad: bool) -> None:
    """Look at a file of rows; posts RunProposed or ProposalFailed."""

    def work() -> None:
        try:
            from runner.commands import first_run

            if not data.exists():
                # Where it is read of a preset, that is what is to be mended.
                post(ProposalFailed(f"{data} does not exist.\n{MEND}"))
                return
            found = first_run.propose(data, home, model, skip_bad, where)
            post(RunProposed(found, tuple(models(home, where))))
        except Exception as error:
            post(ProposalFailed(words_of(error)))

    start_thread(work, post, "Proposal")


def words_of(error: Exception) -> str:
    """An error in two lines: what is wrong and where, and what to do."""
    from runner.data.errors import DataError
    from runner.preset.errors import PresetError

    if isinstance(error, DataError):
        return f"{error.message}\n{error.hint}"
    if isinstance(error, PresetError):
        return f"{error.problems[0]}\nTake another model, or mend the preset."
    if isinstance(error, OSError):
        return f"{error.filename or 'The file'}: {error.strerror or error}\n{MEND}"
    return f"{type(error).__name__}: {error}\n{MEND}"


def models(home: Path, where: Path) -> Iterator[tuple[str, str]]:
    """(name, words) of the models that are here, then of those that presets name."""
    from runner.check.own_models import own_models
    from runner.preset import files
    from runner.preset.errors import PresetError

    seen = set()
    for own in own_models(where):
        seen.add(own.name)
        yield own.name, f"{own.name} · {own.parameters / 1e9:.3g} B · {own.place}"
    for preset in files.list_presets(home):
        try:
            name = files.load(str(preset.path), home).preset.model.model_name_or_path
        except PresetError:
            continue
        if name not in seen:
            seen.add(name)
            yield name, f"{name} · of the preset {preset.name}"
