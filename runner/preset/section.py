"""The base every section of a preset derives from, and the field types they share."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

LOCAL_OR_HUB = "local-or-hub"
LOCAL_FILE = "local-file"

# A model or data set: a path when it looks like one (see files.absolute), a hub name otherwise.
LocalOrHub = Annotated[str, Field(min_length=1, json_schema_extra={"path": LOCAL_OR_HUB})]
# Always a path on this machine.
LocalFile = Annotated[str, Field(min_length=1, json_schema_extra={"path": LOCAL_FILE})]

Auto = Literal["auto"]
# ("train", "learning_rate"); in a list of sections ("data", "mix", "0", "ratio").
KeyPath = tuple[str, ...]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """Strict, closed, frozen: `True` is no 1, an unknown key is an error, and the doc under a field is its help."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        protected_namespaces=(),
    )


def path_kind(field: FieldInfo) -> str | None:
    """LOCAL_OR_HUB, LOCAL_FILE, or None for a field that holds no path."""
    return _path_mark(field) or _path_in(field.annotation)


def item_type(field: FieldInfo) -> type[Section] | None:
    """The section that a list field holds several of (data.mix); None for every other field."""
    return _section_in(field.annotation)


def _section_in(annotation: Any) -> type[Section] | None:
    for part in get_args(annotation):
        if isinstance(part, type) and issubclass(part, Section):
            return part
        if found := _section_in(part):
            return found
    return None


def _path_in(annotation: Any) -> str | None:
    """The mark of a type inside a union: pydantic only lifts the outermost one to the field."""
    for part in get_args(annotation):
        if found := _path_mark(part) or _path_in(part):
            return found
    return None


def _path_mark(carrier: Any) -> str | None:
    extra = getattr(carrier, "json_schema_extra", None)
    return str(extra["path"]) if isinstance(extra, dict) and "path" in extra else None
