"""A config of another tool as settings of ours: every key answered, its tool's defaults written out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.configs.collected import Collected
from runner.configs.line import Line
from runner.configs.meaning import Fate, Meaning, meaning, own_said
from runner.configs.recognise import Recognised, recognise, title_of
from runner.configs.rows import HELD_OUT, TRAIN, Rows
from runner.configs.script import COMPUTED, ScriptCall
from runner.configs.source import ConfigFile, read
from runner.preset.errors import PresetError, Problem
from runner.preset.fields import field_named
from runner.preset.other_tools.answers import SECTIONS_ELSEWHERE, as_written
from runner.preset.other_tools.script_calls import CALLS, OBJECTS, UNSLOTH_CLASSES, Call
from runner.preset.other_tools.sources import TRAINED_ON
from runner.preset.other_tools.tool import Tool
from runner.preset.other_tools.train_keys import SUPERVISED
from runner.preset.schema import SECTIONS

# Keys whose value says which kind of training it is.
_KIND_OF_TRAINING = ("stage", "rl", "trainer_type", "rlhf_type")
# Words that tell a second `load_dataset` from the first.
_HELD_OUT_WORDS = ("test", "val", "dev", "eval")


@dataclass(frozen=True)
class Proposal:
    """`settings` are values by 'section.key'; `lines` say where each comes from, and what became of all other keys."""

    config: Path
    recognised: Recognised
    lines: tuple[Line, ...]
    settings: Mapping[str, Any]

    @property
    def values(self) -> dict[str, dict[str, Any]]:
        """The settings as a preset has them, section by section."""
        found: dict[str, dict[str, Any]] = {}
        for section in SECTIONS:
            names = [name for name in self.settings if name.startswith(f"{section}.")]
            if names:
                found[section] = {name.partition(".")[2]: self.settings[name] for name in names}
        return found


def propose(path: Path, said: str | None = None) -> Proposal:
    """Read a config; `said` names its tool where the keys do not tell. Raises PresetError."""
    config = read(path.expanduser().absolute())
    recognised = recognise(config, said)
    reader = _Reader(config, recognised.tool)
    reader.read()
    return Proposal(config.path, recognised, tuple(reader.collected.lines), reader.collected.settings)


class _Reader:
    def __init__(self, config: ConfigFile, tool: Tool) -> None:
        self._config, self._tool = config, tool
        self.collected = Collected(config.path.parent)
        self._rows = Rows(tool, config.path.parent, config.lines)
        self._trained_on: list[dict[str, Any]] = []

    def read(self) -> None:
        if isinstance(folder := self._config.tree.get("dataset_dir"), str):
            self._rows.dataset_dir = folder
        for key, value in self._config.tree.items():
            self._key((key,), value, "", "")
        for call in self._config.calls:
            self._call(call)
        self._defaults(self._tool.defaults, "")
        if self._config.is_script:
            self._defaults_of_calls()

    # Keys of a mapping

    def _key(self, path: tuple[str, ...], value: Any, section: str, theirs: str) -> None:
        """One key, or the keys of a section of theirs; `section` is what it is called here."""
        key = path[-1]
        if isinstance(value, Mapping) and own_said(self._tool, theirs, key, value) is None:
            inside = SECTIONS_ELSEWHERE.get(as_written(key), key if key in SECTIONS and not section else "")
            shares = all(isinstance(item, int | float) for item in value.values())
            if inside and not (inside == "data" and (shares or as_written(key) in ("dataset", "datasets"))):
                for name, item in value.items():
                    self._key((*path, str(name)), item, inside, key)
                if not value:
                    empty = Meaning(Fate.UNSET, words="It is empty, so nothing is lost.")
                    self.collected.add(Line.of(self._config.lines.get(path, 0), ".".join(path), value, empty))
                return
        number = self._config.lines.get(path, 0)
        self._take(number, path, value, meaning(self._tool, section, key, value, theirs))

    def _take(self, number: int, path: tuple[str, ...], value: Any, found: Meaning) -> None:
        where = f"{self._config.path}:{number}"
        if path[-1] in _KIND_OF_TRAINING and found.words == SUPERVISED.words:
            raise PresetError(
                [Problem(where, path[-1], f"{value} is another kind of training. {SUPERVISED.words}")]
            )
        if found.ours in (TRAIN, HELD_OUT) and found.fate is Fate.UNDERSTOOD:
            self._sources(number, path, value, found.ours)
            return
        self.collected.add(Line.of(number, ".".join(path), value, found))

    def _sources(self, number: int, path: tuple[str, ...], value: Any, listed: str) -> None:
        if isinstance(value, Mapping) and "datasets" in value:
            # What a mixture says beside its sources: how many rows are held out, and the seed.
            for name, item in value.items():
                if name != "datasets":
                    self._key((*path, name), item, "data", path[-1])
        before = len(self._rows.said)
        sources = self._rows.sources(path, value, listed)
        settings = _held_out(sources) if listed == HELD_OUT else _trained_on(sources)
        words = "" if sources else "No rows are named in a way that is known."
        if listed == HELD_OUT and len(sources) > 1:
            words = "Only the first of them: a run has one set of held-out rows."
        fate = Fate.UNDERSTOOD if sources else Fate.UNKNOWN
        self.collected.add(Line(number, ".".join(path), value, fate, settings, words))
        self._said_since(before)

    def _said_since(self, before: int) -> None:
        for line in self._rows.said[before:]:
            self.collected.add(line)

    # Calls of a script

    def _call(self, call: ScriptCall) -> None:
        known = CALLS[call.name]
        for name, value in known.sets.items():
            self.collected.add(Line(call.line, call.name, "called", Fate.UNDERSTOOD, {name: value}))
        if call.name == "load_dataset":
            self._load_dataset(call)
            return
        for name, value, number in call.arguments:
            path = (call.name, name)
            if name in OBJECTS and (
                value is COMPUTED or not known.positional or name not in known.positional
            ):
                self._object(number, path, value)
            elif isinstance(value, Mapping) and (inside := SECTIONS_ELSEWHERE.get(as_written(name))):
                for key, item in value.items():
                    self._take(number, (*path, str(key)), item, meaning(self._tool, inside, str(key), item))
            elif name not in known.positional or call.name.endswith("from_pretrained"):
                self._take(number, path, value, meaning(self._tool, known.section, name, value))

    def _object(self, number: int, path: tuple[str, ...], value: Any) -> None:
        words = "what other calls made; their arguments are read there"
        self.collected.add(Line(number, ".".join(path), value, Fate.BY_ITSELF, {}, words))

    def _load_dataset(self, call: ScriptCall) -> None:
        """One of its calls. Sources of training rows are gathered, since several may be joined to one."""
        given = {name: value for name, value, _ in call.arguments if value is not COMPUTED}
        path = ("load_dataset",)
        before = len(self._rows.said)
        self._rows.line = call.line
        sources = self._rows.sources(path, given, TRAIN)
        self._said_since(before)
        if _is_held_out(f"{given.get('split', '')} {call.target}"):
            self.collected.add(Line(call.line, "load_dataset", given, Fate.UNDERSTOOD, _held_out(sources)))
        else:
            self._trained_on += sources
            settings = _trained_on(self._trained_on)
            self.collected.forget(TRAINED_ON)
            fate = Fate.UNDERSTOOD if settings else Fate.UNKNOWN
            self.collected.add(Line(call.line, "load_dataset", given, fate, settings))
        files = given.get("data_files")
        for name, file in files.items() if isinstance(files, Mapping) else ():
            if isinstance(file, str) and _is_held_out(name):
                self._sources(call.line, (*path, "data_files", name), file, HELD_OUT)
        for name, value, number in call.arguments:
            if value is COMPUTED:
                what = "Its value is computed when the script runs; set data.train_dataset yourself."
                line = Line(number, f"load_dataset.{name}", value, Fate.NO_COUNTERPART, {}, what)
                self.collected.add(line)

    # What the tool takes where nothing is set

    def _defaults_of_calls(self) -> None:
        names = list(dict.fromkeys(call.name for call in self._config.calls))
        for name in sorted(names, key=lambda name: name.split(".")[0] not in UNSLOTH_CLASSES):
            known: Call = CALLS[name]
            self._defaults(known.defaults, known.section)

    def _defaults(self, defaults: Mapping[str, Any], section: str) -> None:
        title = title_of(self._config, self._tool)
        for key, value in defaults.items():
            theirs, _, name = key.rpartition(".")
            given = value(self.collected.settings, self._config.tree) if callable(value) else value
            found = meaning(
                self._tool, SECTIONS_ELSEWHERE.get(theirs, theirs) or section, name, given, theirs
            )
            settings = {ours: new for ours, new in found.settings.items() if self._is_missing(ours, new)}
            if settings:
                words = f"not set: {title}'s default" + (f"; {found.words}" if found.words else "")
                self.collected.add(Line(0, key, given, Fate.UNDERSTOOD, settings, words))

    def _is_missing(self, name: str, value: Any) -> bool:
        """Whether a default of the tool has to be written: nothing else sets it, it matters, and ours differs."""
        settings = self.collected.settings
        if name in settings or value == field_named(name).default:
            return False
        if name.startswith("lora.") and name != "lora.use_peft":
            return bool(settings.get("lora.use_peft", True))
        if name.startswith("quantization.bnb_"):
            return bool(settings.get("quantization.load_in_4bit", True))
        if name == "data.eval_fraction":
            return not {"data.eval_dataset", "data.eval_split"} & set(settings)
        return True


def _is_held_out(words: str) -> bool:
    return any(word in words.lower() for word in _HELD_OUT_WORDS)


def _trained_on(sources: list[dict[str, Any]]) -> dict[str, Any]:
    """One source by its own settings, several as a list."""
    if not sources:
        return {}
    if len(sources) == 1 and sources[0].get("weight", 1.0) == 1.0:
        (one,) = sources
        names = dict(zip(("dataset", "split", "dataset_config_name", "columns"), TRAINED_ON, strict=True))
        names["max_rows"] = "data.max_train_samples"
        left_out = {"split": "train", "columns": {}}
        return {names[key]: one[key] for key in names if key in one and one[key] != left_out.get(key, "")}
    entries = [{key: value for key, value in one.items() if value not in (None, {})} for one in sources]
    return {"data.train_dataset": entries}


def _held_out(sources: list[dict[str, Any]]) -> dict[str, Any]:
    if not sources:
        return {}
    split = sources[0].get("split", "train")
    return {
        "data.eval_dataset": sources[0]["dataset"],
        **({"data.eval_split": split} if split != "train" else {}),
    }
