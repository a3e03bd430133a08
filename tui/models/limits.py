"""What is said when the system gives no more of something."""

from __future__ import annotations

NO_THREADS = (
    "No thread can be started: this user may have no more processes (`ulimit -u`).\n"
    "End some, or raise the limit, and try again."
)
NO_MEMORY = (
    "Memory ran out, or `ulimit -v` allows no more.\nEnd something, or raise the limit, and try again."
)


def is_no_thread(error: BaseException) -> bool:
    """Whether this is Python's way to say that the system started no thread."""
    return isinstance(error, RuntimeError) and "can't start new thread" in str(error)
