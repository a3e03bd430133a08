"""Numbers in words, the same on the screen, in the terminal and in the report."""

from __future__ import annotations

import math


def number(value: float) -> str:
    """A number with the four figures that matter; whole ones in full."""
    if not math.isfinite(value):
        return not_finite(value)
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e9 else f"{value:.4g}"


def loss(value: float) -> str:
    """A loss, in nats a token, with four decimals, or what it is instead of a number."""
    return f"{value:.4f}" if math.isfinite(value) else not_finite(value)


def not_finite(value: float) -> str:
    """'NaN' or 'infinite'."""
    return "NaN" if math.isnan(value) else "infinite"


def gib(mib: float) -> str:
    """MiB as GiB with one decimal."""
    return f"{mib / 1024:.1f}"


def size(count: float) -> str:
    """Bytes in words: '1.2 GiB', '340 MiB'."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
