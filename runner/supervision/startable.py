"""What may be started: a run directory is data, and may come from anywhere.

Only trainers that are known are started, only in directories that are the user's alone, and code of others runs only
when the user has agreed to it (docs/threat-model.md).
"""

from __future__ import annotations

from runner import safe_open
from runner.machine import trainers
from runner.store import directory, launched, ownership
from runner.store.directory import RunDirectory
from runner.store.errors import LaunchError, RemoteCodeError

REMOTE_CODE = b"trust_remote_code"


def ensure_startable(run: RunDirectory, trusts_code: bool = False) -> None:
    """Raises LaunchError when no process may be started for a run, RemoteCodeError when the user has to agree first."""
    ensure_ours(run)
    if links := directory.links_out(run):
        raise LaunchError(
            f"{run.path}: {', '.join(links[:3])} leads out of the run's directory, and nothing is written there.\n"
            "Put the files themselves there; to keep runs on another disk, set FTUI_HOME."
        )
    trainer = directory.read_json(run.run).get("trainer")
    if trainer is not None and trainer not in trainers.known():
        raise LaunchError(
            f"{run.run} names a trainer that is none of ftui's ({str(trainer)[:60]!r}), so nothing is started.\n"
            f"Train with its preset instead: ftui run {run.preset}"
        )
    if not trusts_code and (code := foreign_code(run)):
        raise RemoteCodeError(f"{run.id} {code}.\nTo agree to that: ftui resume {run.id} --trust-remote-code")


def foreign_code(run: RunDirectory) -> str:
    """What code a run lets run that was not launched here, in words that follow its name; empty for any other run."""
    if not _lets_code_run(run) or launched.was_here(run):
        return ""
    return "was not launched here with this preset, which lets Python code from the model's folder run with your rights"


def ensure_ours(run: RunDirectory) -> None:
    """Raises LaunchError for a directory that is not the user's alone."""
    if why := ownership.not_ours(run.path):
        raise LaunchError(f"{run.path} {why}. It is read, and nothing is done in it.")


def _lets_code_run(run: RunDirectory) -> bool:
    if REMOTE_CODE not in (safe_open.content(run.preset) or b""):
        return False
    # Here: what only looks at runs does without the schema.
    from runner.preset.errors import PresetError
    from runner.preset.files import load_frozen

    try:
        return load_frozen(run.preset).model.trust_remote_code
    except (PresetError, OSError):
        # The trainer cannot read it either.
        return False
