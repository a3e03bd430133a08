"""Lines that libraries print in every run and that say nothing a user can act on. console.log keeps them; where a log
is shown they are left out. No line that tells of an error belongs here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# {what the whole line is: why it is left out}
KNOWN = {
    r"Failed to load CPU gemm_4bit_forward from kernels-community: No module named 'kernels'\..*": (
        "bitsandbytes: a faster CPU kernel is optional; without it the same numbers come from PyTorch"
    ),
    r"\S+\.py:\d+: (Future|Deprecation|PendingDeprecation)Warning: .*": (
        "for those who write the calling library: the pinned versions do what is meant"
    ),
    r"  warnings\.warn\(": "the source line that Python prints below a warning",
}
_ANY = re.compile("|".join(f"(?:{pattern})" for pattern in KNOWN))


def without_known(lines: Iterable[str]) -> Iterator[str]:
    """The lines that are none of these."""
    return (line for line in lines if not _ANY.fullmatch(line))
