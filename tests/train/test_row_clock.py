"""A template or tokenizer that does not come back from a row ends the process, and the row is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import wait_for

# `range` of a template is bounded, loops in loops are not.
LOOP = "{% for a in range(90000) %}"
ENDLESS = 3 * LOOP + 3 * "{% endfor %}"


@pytest.mark.slow
def test_a_row_that_does_not_come_back_is_named(tmp_path: Path) -> None:
    script = tmp_path / "stuck.py"
    script.write_text(
        "from runner.data.shapes import normalise\n"
        "from runner.preset.files import shipped_folder\n"
        "from runner.train.row_clock import RowClock\n"
        "from runner.train.tokenise import RowRenderer\n"
        "from runner.train.xray import say_error\n"
        "from transformers import PreTrainedTokenizerFast\n"
        "made = PreTrainedTokenizerFast.from_pretrained(shipped_folder() / 'demo' / 'model')\n"
        f"made.chat_template = {ENDLESS!r}\n"
        "turns = [{'role': 'user', 'content': 'q'}, {'role': 'assistant', 'content': 'a'}]\n"
        "RowRenderer(made, clock=RowClock(say_error, most=1.0)).render(normalise({'messages': turns}, 17))\n"
    )
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: process.poll() is not None, 60, "it ends")
    finally:
        process.kill()
    assert process.stdout is not None
    message = json.loads(process.stdout.read().strip().splitlines()[-1])
    assert process.returncode == 1
    assert message["message"].startswith(
        "Row 17 has kept the chat template or the tokenizer busy for 1 seconds"
    )
    assert "data.skip_rows: [17]" in message["hint"]
