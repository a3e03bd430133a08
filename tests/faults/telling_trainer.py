"""The trainer of these tests, which tells what it finds in its environment wherever a trainer can.

$FTUI_TOLD names variables. Their values are printed and logged, as they are and as JSON, Python, an address and a shell
write them; with the wish `crash` the last of them is in the exception that ends it.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from urllib.parse import quote

from runner.store.events import Phase
from tests.faults import trainer


class TellingTraining(trainer.Training):
    """Tells after each step."""

    def _step(self, step: int) -> bool:
        stops = super()._step(step)
        values = [os.environ[name] for name in os.environ["FTUI_TOLD"].split()]
        for value in values:
            self._tell(value, step)
        if Path(os.environ["FTUI_FAULTS"], "crash").exists():
            raise RuntimeError(f"no connection with {values[-1]}")
        return stops

    def _tell(self, value: str, step: int) -> None:
        said = [value, json.dumps(value), repr(value), quote(value, safe=""), shlex.quote(value)]
        text = f"tried {' and '.join(said)}."
        print(text, flush=True)
        print(text, file=sys.stderr, flush=True)
        self._enter(Phase.TRAINING)
        self.log.append("warning", id="training", message=text)
        self.log.append("sample", step=step, prompt_id=0, prompt=value, text=text, expected=None, copied=None)
        self.log.append("effective", arguments={"token_of": value, "all": said}, differences=[])
        if value.isdigit():
            self.log.append("memory", at="steps", rss_mib=int(value))


def main() -> int:
    trainer.Training = TellingTraining  # type: ignore[misc]
    return trainer.main()


if __name__ == "__main__":
    sys.exit(main())
