"""A spare trainer for trainers that need no training stack: the real one, with nothing imported ahead."""

from __future__ import annotations

import sys

from runner.train.spare import main

if __name__ == "__main__":
    sys.exit(main(ahead=()))
