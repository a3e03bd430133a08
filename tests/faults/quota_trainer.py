"""`python -P -m tests.faults.quota_trainer …`: the real trainer, whose quota is used up the first time it saves its
adapter.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from peft import PeftModel

from runner.train import __main__ as trainer

TORN = b"half of it"


def main() -> int:
    once = Path(os.environ["FTUI_FAULTS"]) / "quota"
    real = PeftModel.save_pretrained

    def save(self: PeftModel, folder: Path | str, *args: object, **kwargs: object) -> None:
        """Checkpoints are saved by the same function."""
        if Path(folder).name == "adapter" and not once.exists():
            once.touch()
            Path(folder).mkdir()
            (Path(folder) / "adapter_model.safetensors").write_bytes(TORN)
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        real(self, folder, *args, **kwargs)

    PeftModel.save_pretrained = save
    return trainer.main()


if __name__ == "__main__":
    sys.exit(main())
