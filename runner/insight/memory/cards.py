"""NVIDIA cards by name, for predicting on a card that is not in this machine."""

from __future__ import annotations

import difflib
from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """A GPU as the prediction sees it. total_mib and free_mib as NVML reports them; free_mib decides.

    `multiprocessors` (SMs) sets the size of the CUDA context; None while unknown.
    """

    name: str
    total_mib: int
    free_mib: int
    capability: tuple[int, int] | None = None
    multiprocessors: int | None = None

    @property
    def has_bf16(self) -> bool:
        return self.capability is None or self.capability >= (8, 0)

    @property
    def context_mib(self) -> float:
        """A bare CUDA context: 28 MiB and 2.8 MiB an SM, fitted on a T4, 3090, RTX 6000 Ada and RTX PRO 6000 within
        1.6 MiB; data-centre Blackwell has 170 MiB more.
        """
        extra = 170.0 if self.capability is not None and self.capability[0] == 10 else 0.0
        return 27.7 + 2.803 * (self.multiprocessors or 100) + extra


# name, NVML total in MiB, SMs, compute capability.
_KNOWN: tuple[tuple[str, int, int, tuple[int, int]], ...] = (
    ("Tesla T4", 15360, 40, (7, 5)),
    ("Tesla V100 16GB", 16384, 80, (7, 0)),
    ("Tesla V100 32GB", 32768, 80, (7, 0)),
    ("RTX 2080 Ti", 11264, 68, (7, 5)),
    ("RTX 3060", 12288, 28, (8, 6)),
    ("RTX 3070", 8192, 46, (8, 6)),
    ("RTX 3080", 10240, 68, (8, 6)),
    ("RTX 3090", 24576, 82, (8, 6)),
    ("RTX 4060", 8188, 24, (8, 9)),
    ("RTX 4060 Ti 16GB", 16380, 34, (8, 9)),
    ("RTX 4070", 12282, 46, (8, 9)),
    ("RTX 4080", 16376, 76, (8, 9)),
    ("RTX 4090", 24564, 128, (8, 9)),
    ("RTX 5070 Ti", 16303, 70, (12, 0)),
    ("RTX 5080", 16303, 84, (12, 0)),
    ("RTX 5090", 32607, 170, (12, 0)),
    ("RTX A4000", 16376, 48, (8, 6)),
    ("RTX A5000", 24564, 64, (8, 6)),
    ("RTX A6000", 49140, 84, (8, 6)),
    ("RTX 6000 Ada", 49140, 142, (8, 9)),
    ("RTX PRO 6000", 97887, 188, (12, 0)),
    ("A10", 23028, 72, (8, 6)),
    ("A10G", 23028, 72, (8, 6)),
    ("A30", 24576, 56, (8, 0)),
    ("A40", 46068, 84, (8, 6)),
    ("A100 40GB", 40960, 108, (8, 0)),
    ("A100 80GB", 81920, 108, (8, 0)),
    ("L4", 23034, 58, (8, 9)),
    ("L40S", 46068, 142, (8, 9)),
    ("H100", 81559, 132, (9, 0)),
    ("H200", 143771, 132, (9, 0)),
    ("B200", 183359, 148, (10, 0)),
)
# What an idle card does not give: the driver's own share.
IDLE_MIB = 450
CARDS = {
    name: Card(name, total, total - IDLE_MIB, capability, sms) for name, total, sms, capability in _KNOWN
}


# A word that makes it another card, with other memory.
OTHER_CARD = {"ti", "super", "laptop", "max", "d", "mobile"}
EXAMPLES = ["Tesla T4", "RTX 4090", "A100 80GB"]


def _plain(text: str) -> str:
    words = text.lower().replace("nvidia", "").replace("geforce", "").replace("-", " ")
    return "".join(words.replace(" gb", "gb").split())


def _words(text: str) -> set[str]:
    return set(text.lower().replace("-", " ").replace(" gb", "gb").split()) - {"nvidia", "geforce", "tesla"}


def find_card(text: str) -> Card:
    """The card whose name this is, or is a part of ('4090', 'NVIDIA GeForce RTX 4090'). Raises KeyError with the
    nearest known names.
    """
    wanted = _plain(text)
    exact = [card for name, card in CARDS.items() if _plain(name) == wanted]
    part = [
        card
        for name, card in CARDS.items()
        if any(sign.isdigit() for sign in wanted) and wanted in _plain(name)
    ]
    # NVML's names have more words than ours, and in between: 'NVIDIA A100-SXM4-80GB'.
    spelled = [
        card
        for name, card in CARDS.items()
        if _words(name) <= _words(text) and not (_words(text) - _words(name)) & OTHER_CARD
    ]
    for found in (exact, part, sorted(spelled, key=lambda card: -len(card.name))):
        if found:
            return found[0]
    near = difflib.get_close_matches(text, CARDS, n=3, cutoff=0.3) or EXAMPLES
    raise KeyError(f"no card {text!r} is known; known are for example {', '.join(near)}")


def multiprocessors(name: str) -> int | None:
    """The SM count of a card by NVML's name for it; None when it is not in the table."""
    try:
        return find_card(name).multiprocessors
    except KeyError:
        return None
