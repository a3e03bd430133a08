"""Sections that say what is learned from, how progress is measured, and what is kept."""

from __future__ import annotations

import codecs
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from runner.preset.reading import COLUMNS
from runner.preset.section import Auto, Count, LocalOrHub, Section

ReportTarget = Literal["tensorboard", "wandb", "trackio"]


def known_columns(value: dict[str, str]) -> dict[str, str]:
    """A map of columns. Raises ValueError for a name of ours that is none."""
    if unknown := [name for name in value if name not in COLUMNS]:
        raise ValueError(
            f"{unknown[0]!r} is no name of ours; they are {', '.join(COLUMNS)} (ours first, then yours)"
        )
    return value


class MixSource(Section):
    """General data blended into training, so that the model keeps what it knew."""

    dataset: LocalOrHub
    """Rows: a local file or the name of a hub data set, in any of the known shapes."""

    ratio: float = Field(gt=0.0, lt=1.0)
    """Share of all training rows that come from this source."""

    split: str = "train"
    """Split of a hub data set."""

    dataset_config_name: str | None = None
    """Configuration of a hub data set that has several."""


class TrainSource(Section):
    """One of several sources of training rows."""

    dataset: LocalOrHub
    """Rows: a local file or the name of a hub data set, in any of the known shapes."""

    split: str = "train"
    """Split of a hub data set, or a slice: train[:1000], train[10%:]."""

    dataset_config_name: str | None = None
    """Configuration of a hub data set that has several."""

    max_rows: int | None = Field(default=None, ge=1)
    """At most so many of its rows, drawn with the run's seed."""

    weight: float = Field(default=1.0, gt=0.0, le=100.0)
    """How often each row counts: 2 is twice in each epoch, 0.5 is half of the rows, drawn with the run's seed."""

    columns: dict[str, str] = Field(default_factory=dict)
    """Names of its columns, where they are not those of data.columns."""

    skip_rows: list[Count] = Field(default_factory=list)
    """Rows of it that are left out, by their number from 1."""

    @field_validator("columns")
    @classmethod
    def _known_columns(cls, value: dict[str, str]) -> dict[str, str]:
        return known_columns(value)


class DataSection(Section):
    """Where the rows come from, and what of them is learned."""

    train_dataset: LocalOrHub | Annotated[list[TrainSource], Field(min_length=1)]
    """Training rows: a local file (JSON, CSV, Parquet, Arrow or text, packed or not), or the name of a hub data set. Or
    several: [{dataset: ./a.jsonl}, {dataset: ./b.csv, weight: 2}]. Their shapes are recognised by themselves."""

    eval_dataset: LocalOrHub | None = None
    """Held-out rows. Without any, a part of the training rows is split off (see eval_fraction)."""

    dataset_config_name: str | None = None
    """Configuration of a hub data set that has several."""

    train_split: str = "train"
    """Split of a hub data set to train on. Also a slice, and that of a local file too: train[:1000], train[10%:]."""

    eval_split: str | None = None
    """Split to evaluate on, when eval_dataset is not set: of a hub data set, or a slice of a local file."""

    eval_fraction: float = Field(default=0.05, ge=0.0, lt=1.0)
    """Share of training rows held out when nothing else names eval data: at least 32 rows, at most 512, never an
    exact copy of a training row. 0 switches evaluation off, and with it every judgement of overfitting."""

    mix: list[MixSource] = Field(default_factory=list)
    """General data blended in against catastrophic forgetting: [{dataset: ./general.jsonl, ratio: 0.1}], several
    sources if you like. Ratio is the share of all training rows; rows are drawn with the run's seed and interleaved."""

    general_eval_dataset: LocalOrHub | None = None
    """Held-out rows of general ability, evaluated apart as `general`: the measure of forgetting. Without any, some rows
    of data.mix are held out for it."""

    general_eval_split: str = "train"
    """Split of a hub data set named in general_eval_dataset."""

    max_train_samples: int | None = Field(default=None, ge=1)
    """Use only this many training rows, drawn at random with the run's seed. For a quick trial."""

    skip_rows: list[Count] = Field(default_factory=list)
    """Rows of train_dataset that are left out, by their number from 1: rows a spike pointed at, say."""

    on_bad_rows: Literal["refuse", "skip"] = "refuse"
    """What is done about rows that cannot be used. refuse: the run is not started. skip: they are left out, counted."""

    columns: dict[str, str] = Field(default_factory=dict)
    """Names of your columns where they are not the usual ones, ours first: {prompt: question, completion: answer}."""

    drop_columns: list[str] = Field(default_factory=list)
    """Columns that are passed over: [images] trains on the text of rows that have images."""

    prefer: Literal["nothing", "chosen"] = "nothing"
    """What is learned of preferences (chosen and rejected, or a label). nothing: such rows are refused, they are not
    for supervised fine-tuning. chosen: the chosen answers."""

    assistant_turns: Literal["auto", "all", "last"] = "auto"
    """Which answers of a conversation are learned. auto: every one, in one rendering where the chat template allows it.
    all: every one, each exactly as it is answered when the model is used. last: the last one alone."""

    system: Literal["keep", "merge_into_user"] = "keep"
    """Where a system prompt goes. merge_into_user: in front of the first question, for templates that take none."""

    text_rows: Literal["plain", "chat"] = "plain"
    """How plain text that is a chat written out by a template is read. plain: learned whole, questions included. chat:
    as the chat it is."""

    encoding: str | None = None
    """Encoding of text files that are not UTF-8 and do not say what they are: cp1252, say. Empty: found out."""

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                codecs.lookup(value)
            except LookupError:
                raise ValueError(
                    f"{value!r} is no encoding Python knows: cp1252, latin-1, utf-16 …"
                ) from None
        return value

    @field_validator("columns")
    @classmethod
    def _known_columns(cls, value: dict[str, str]) -> dict[str, str]:
        return known_columns(value)

    @model_validator(mode="after")
    def _room_for_own_rows(self) -> DataSection:
        total = sum(source.ratio for source in self.mix)
        if total >= 1:
            raise ValueError(f"the ratios of mix add up to {total:g}; the rest, below 1, is your own rows")
        if not isinstance(self.train_dataset, str) and (self.skip_rows or self.train_split != "train"):
            raise ValueError(
                "skip_rows and train_split are of one file; with several, give each its skip_rows and split"
            )
        return self


class EvalSection(Section):
    """How progress is measured while training."""

    eval_steps: Count | Auto = "auto"
    """Evaluate every so many optimizer steps. auto: six to ten times over the run, as eval.budget allows, closer to
    each other towards its end. Step 0 and the last step are always evaluated."""

    budget: float = Field(default=0.08, gt=0.0, le=1.0)
    """Share of the run's compute that evaluations and answers may take: how often and on how many rows is chosen by it,
    but never less than a verdict needs (six times, 32 rows). What is set here otherwise goes first. 1: no limit."""

    per_device_eval_batch_size: Count | Auto = "auto"
    """Rows per evaluation batch. auto: the training batch size, so that evaluation needs no more memory."""

    max_eval_samples: Count | Auto = "auto"
    """At most this many held-out rows are evaluated, drawn with the run's seed, the same ones each time. auto: up to
    512, as eval.budget allows."""

    train_probe: bool = True
    """Also evaluate a fixed sample of training rows with the same weights: the evidence for overfitting."""

    answer_rows: int = Field(default=16, ge=0, le=512)
    """Held-out rows that are answered at evaluations, as often as eval.budget allows, and compared with their own
    answers, exactly and field by field: a loss does not say how many are right. Rows with answers over 256 tokens
    are not asked. 0: none."""

    sample_prompts: list[str] = Field(default_factory=list)
    """Prompts answered beside them, to read what no loss shows. Empty: the questions of three held-out rows."""

    sample_max_new_tokens: int = Field(default=64, ge=0, le=2048)
    """Longest answer to a sample prompt, in tokens. 0: no samples."""

    auto_stop: Literal["never", "critical", "warning"] = "never"
    """Stop the run, saving first, when the judgement of its curves is as grave as this. never: only say so."""

    @property
    def most_rows(self) -> int:
        """Rows that are held out or taken of a named file at most."""
        return 512 if self.max_eval_samples == "auto" else self.max_eval_samples


class OutputSection(Section):
    """What is kept on disk."""

    save_steps: Count | Auto = "auto"
    """Write a checkpoint every so many optimizer steps. auto: at every evaluation, so the best can be kept."""

    save_total_limit: int = Field(default=3, ge=1)
    """Checkpoints kept; older ones are deleted, never the best one."""

    load_best_model_at_end: bool = True
    """The saved adapter is the one with the lowest held-out loss, not the last one."""


class ReportSection(Section):
    """Where else numbers go. ftui's own record has every step in any case."""

    report_to: list[ReportTarget] = Field(default_factory=list)
    """Other trackers to write to; each needs its own package. Empty: none."""

    run_name: str | None = None
    """Name of the run in those trackers. Default: the run's id."""

    logging_steps: int = Field(default=10, ge=1)
    """Print a line to the console log every so many optimizer steps. Charts and events have every step anyway."""


class LintSection(Section):
    """Rules this preset breaks on purpose."""

    ignore: list[str] = Field(default_factory=list)
    """Ids of lint rules that are not to be mentioned, for example [epochs-many]. Errors are mentioned in any case."""
