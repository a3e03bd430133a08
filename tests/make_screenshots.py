"""The pictures of the README, from recorded real runs: `python -m tests.make_screenshots screenshots`."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cairosvg

from runner.run import directory
from tests.data.record import FOLDER
from tests.tui.conftest import HEALTHY, OVERFIT, running, shows

# The exported picture names fonts on a server; a picture in a repository should load nothing.
REMOTE_FONTS = re.compile(r"@font-face\s*\{.*?\}", re.DOTALL)


async def picture(folder: Path, name: str, size: tuple[int, int], keys: tuple[str, ...], *words: str) -> None:
    """One screen after some keys, once these words are on it, as SVG and PNG."""
    async with running(size) as (app, pilot):
        await shows(pilot, "Verdict", "qlora")
        for key in keys:
            await pilot.press(key)
        await shows(pilot, *words)
        await pilot.pause(0.5)
        svg = REMOTE_FONTS.sub("", app.export_screenshot(title="ftui")).replace(
            "Fira Code", "DejaVu Sans Mono"
        )
    svg = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)
    (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    # rsvg-convert looks for braille and box signs in other fonts; cairosvg draws boxes for those a font lacks.
    source, target = folder / f"{name}.svg", folder / f"{name}.png"
    if shutil.which("rsvg-convert"):
        subprocess.run(["rsvg-convert", "-w", "1400", "-o", target, source], check=True)
    else:
        cairosvg.svg2png(bytestring=svg.encode(), write_to=str(target), output_width=1400)
    print(target)


async def main(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ["FTUI_HOME"] = home
        for run in (OVERFIT, HEALTHY):
            shutil.copytree(FOLDER / run, directory.runs_folder(Path(home)) / run)
        await picture(folder, "overfitting", (120, 40), (), "OVERFITTING since step 48")
        await picture(folder, "healthy", (120, 40), ("down",), "Verdict: healthy")
        await picture(folder, "launch", (120, 40), ("tab", "l"), "Launch demo")
        await picture(folder, "help", (120, 40), ("question_mark",), "Launch the chosen preset")
        await picture(folder, "small", (80, 24), (), "OVERFITTING since step 48")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
