"""A preset: every setting of a run, declared once.

Names are the trainer's own (TRL, PEFT, transformers, bitsandbytes). Form, help, command line, validation and
reference are all derived from these classes.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from runner.preset.data_sections import DataSection, EvalSection, LintSection, OutputSection, ReportSection
from runner.preset.model_sections import LoraSection, ModelSection, QuantizationSection
from runner.preset.section import Section
from runner.preset.train_section import TrainSection

Method = Literal["QLoRA", "LoRA 8-bit", "LoRA", "full fine-tuning"]


class Preset(Section):
    """What to train, on what, and how."""

    description: str = ""
    """One line on what this preset is for."""

    model: ModelSection
    quantization: QuantizationSection = Field(default_factory=QuantizationSection)
    lora: LoraSection = Field(default_factory=LoraSection)
    train: TrainSection = Field(default_factory=TrainSection)
    data: DataSection
    eval: EvalSection = Field(default_factory=EvalSection)
    output: OutputSection = Field(default_factory=OutputSection)
    report: ReportSection = Field(default_factory=ReportSection)
    lint: LintSection = Field(default_factory=LintSection)

    @property
    def method(self) -> Method:
        """The usual name of what this preset does."""
        if not self.lora.use_peft:
            return "full fine-tuning"
        if self.quantization.load_in_4bit:
            return "QLoRA"
        return "LoRA 8-bit" if self.quantization.load_in_8bit else "LoRA"


SECTIONS: tuple[str, ...] = (
    "model",
    "quantization",
    "lora",
    "train",
    "data",
    "eval",
    "output",
    "report",
    "lint",
)


def section_type(name: str) -> type[Section]:
    """The class of a section; KeyError for an unknown name."""
    annotation = Preset.model_fields[name].annotation
    assert isinstance(annotation, type)
    assert issubclass(annotation, Section)
    return annotation
