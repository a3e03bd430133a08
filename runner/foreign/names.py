"""What reporters, tables and other trainers call things, in the names of a Hugging Face Trainer's log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

# Compared in lower case, with underscores for spaces.
LOSSES = (
    "loss",
    "train_loss",
    "training_loss",
    "train/loss",
    "loss/train",
    "train/loss_step",
    "train_loss_step",
    "avg_loss",
    "avr_loss",
    "lm_loss",
    "loss_total",
)
EVAL_LOSSES = (
    "val_loss",
    "eval_loss",
    "validation_loss",
    "valid_loss",
    "dev_loss",
    "eval/loss",
    "val/loss",
    "valid/loss",
    "validation/loss",
    "loss/val",
    "loss/valid",
    "loss/validation",
    "loss/eval",
)
STEPS = (
    "step",
    "global_step",
    "train/global_step",
    "trainer/global_step",
    "iter",
    "iteration",
    "steps",
    "num_updates",
)
RATES = ("learning_rate", "lr", "train/lr", "train/learning_rate")
NORMS = ("grad_norm", "gradient_norm", "gnorm", "train/grad_norm")
EPOCHS = ("epoch", "train/epoch")
KNOWN: Mapping[str, tuple[str, ...]] = {
    "loss": LOSSES,
    "eval_loss": EVAL_LOSSES,
    "step": STEPS,
    "learning_rate": RATES,
    "grad_norm": NORMS,
    "epoch": EPOCHS,
}
_TRAIN = ("train/", "training/")
_EVAL = re.compile(r"(?:eval|val|valid|validation|dev)[_/]")
# Lightning's monitor names a rate after its optimizer: lr-AdamW, lr-Adam/pg1.
_RATE = re.compile(r"lr-\w+")


def plain(name: str) -> str:
    """A name as it is compared: 'Validation Loss' is validation_loss, 'completions / mean_length' has no spaces."""
    return re.sub(r"\s+", "_", re.sub(r"\s*/\s*", "/", name.strip().lower()))


def known(name: str) -> str:
    """The Trainer's name for a column or tag; one that is not known stays, below `eval_` when it says so."""
    key = plain(name)
    for ours, theirs in KNOWN.items():
        if key in theirs:
            return ours
    if _RATE.fullmatch(key):
        return "learning_rate"
    if key.startswith(_TRAIN):
        return key.partition("/")[2]
    return _EVAL.sub("eval_", key, count=1) if _EVAL.match(key) else key


def columns(names: Iterable[str], wanted: Mapping[str, str]) -> dict[str, str]:
    """What each column of a table is; `wanted` is what was said of some (ours: theirs).

    Of several that mean the same, the one whose name comes first in KNOWN is it and the others keep their own names:
    Lightning has train_loss_step beside train_loss_epoch.
    """
    there = list(names)
    said = {theirs: ours for ours, theirs in wanted.items()}
    found = {name: said.get(name) or known(name) for name in there}
    for ours, theirs in KNOWN.items():
        same = [name for name in there if found[name] == ours and name not in said]
        if ours in wanted and wanted[ours] in there:
            chosen = None
        else:
            chosen = min(
                same, key=lambda n: theirs.index(plain(n)) if plain(n) in theirs else 99, default=None
            )
        found |= {name: plain(name) for name in same if name != chosen}
        found |= {name: f"other_{ours}" for name in same if name != chosen and plain(name) == ours}
    return found


def said(text: str) -> dict[str, str]:
    """What `loss=training_loss,step=iter` says: ours to theirs. Raises ValueError, two lines, for what says nothing."""
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        ours, equals, theirs = (piece.strip() for piece in part.partition("="))
        if not equals or not theirs or (ours not in KNOWN and not ours.startswith("eval_")):
            raise ValueError(
                f"--map {part}: not one of {', '.join(KNOWN)} or eval_…, an equals sign and a name.\n"
                "Write it so: --map loss=training_loss,step=iter"
            )
        found[ours] = theirs
    return found


def flat(tag: str) -> str:
    """A reporter's tag: `train/loss` and `eval/loss` of a Trainer are `loss` and `eval_loss`."""
    for prefix, instead in (("train/", ""), ("eval/", "eval_"), ("test/", "test_")):
        if tag.startswith(prefix):
            return instead + tag[len(prefix) :]
    return known(tag)
