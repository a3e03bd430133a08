"""The real trainer, whose weights become NaN after the step that $FTUI_NAN_AT names."""

from __future__ import annotations

import os
import sys
from typing import Any

from runner.train import __main__ as real
from runner.train import callback


def main() -> int:
    at = int(os.environ.get("FTUI_NAN_AT", "0"))
    own = callback.RunCallback.on_step_end

    def on_step_end(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        own(self, args, state, control, **kwargs)
        if state.global_step == at:
            next(weight for weight in kwargs["model"].parameters() if weight.requires_grad).data.fill_(
                float("nan")
            )

    # mypy: a method is replaced on purpose.
    callback.RunCallback.on_step_end = on_step_end  # type: ignore[method-assign]
    return real.main()


if __name__ == "__main__":
    sys.exit(main())
