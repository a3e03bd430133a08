"""Watches the preset folders."""

from __future__ import annotations

from pathlib import Path

from tui.messages import PresetsListed
from tui.models.run_view import PresetCard
from tui.services.service import Post, Service

REMOTE_CODE = "trust_remote_code is on: Python from the model's repository runs with your rights"


class PresetListService(Service):
    """Posts PresetsListed whenever a preset file appears, changes or goes."""

    seconds = 2.0

    def __init__(self, post: Post, home: Path) -> None:
        super().__init__(post)
        self._home = home
        self._seen: dict[str, float] = {}
        self._posted = False

    def look(self) -> None:
        # pydantic and the schema take a tenth of a second to import: not before the first paint.
        from runner.preset.files import list_presets

        found = list_presets(self._home)
        seen = {str(preset.path): _modified(preset.path) for preset in found}
        if seen != self._seen or not self._posted:
            self._seen, self._posted = seen, True
            self.post(PresetsListed(tuple(card(p.name, p.path, p.shipped, self._home) for p in found)))


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def card(name: str, path: Path, shipped: bool, home: Path) -> PresetCard:
    """A preset as it is shown before launch, or what is wrong with it."""
    from runner.insight.batch import effective_batch
    from runner.preset.data_sources import EVAL, own_places, source_named
    from runner.preset.errors import PresetError
    from runner.preset.files import load

    try:
        preset = load(str(path), home).preset
    except PresetError as error:
        return PresetCard(name, str(path), shipped, "broken", problems=tuple(str(p) for p in error.problems))
    train, lora = preset.train, preset.lora
    batch = effective_batch(train.per_device_train_batch_size, train.gradient_accumulation_steps)
    length = f"{train.max_steps} steps" if train.max_steps > 0 else f"{train.num_train_epochs:g} epochs"
    warmup = (
        f"{train.warmup_steps:g} steps"
        if train.warmup_steps >= 1
        else f"{100 * train.warmup_steps:g} % of steps"
    )
    adapter = (
        f"r {lora.r} · alpha {lora.lora_alpha} · dropout {lora.lora_dropout:g}"
        if lora.use_peft
        else "every weight"
    )
    data = preset.data
    named = source_named(data, EVAL)
    return PresetCard(
        name,
        str(path),
        shipped,
        preset.method,
        preset.description,
        (
            ("Model", _short(preset.model.model_name_or_path)),
            ("Method", f"{preset.method} · {adapter}"),
            ("Data", ", ".join(_short(place) for place in own_places(data))),
            (
                "Held out",
                f"{100 * data.eval_fraction:g} % split off"
                if named is None
                else _short(named.dataset)
                if named.dataset not in own_places(data)
                else f"split {named.split}",
            ),
            (
                "Effective batch",
                f"{train.per_device_train_batch_size} × {train.gradient_accumulation_steps} × 1 = {batch}",
            ),
            ("Learning rate", f"{train.learning_rate:g} · {train.lr_scheduler_type} · warm-up {warmup}"),
            ("Length", f"{length} · rows up to {train.max_length} tokens"),
        ),
        danger=REMOTE_CODE if preset.model.trust_remote_code else "",
    )


def _short(name: str) -> str:
    """A path from its last two parts on; a hub name as it is."""
    return "/".join(Path(name).parts[-2:]) if name.startswith("/") else name
