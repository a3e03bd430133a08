"""The preset workbench: the settings at the left, what they mean and what is wrong with them at the right."""

from __future__ import annotations

import itertools

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import ContentSwitcher, Footer, OptionList, Static

from runner.check.assess import Assessment
from runner.preset.draft import Draft
from runner.preset.errors import PresetError
from runner.preset.fields import FieldKind, field_named
from tui.glyphs import plain
from tui.messages import DraftAssessed, EditorRequest
from tui.models.form_rows import FormRow, rows_of
from tui.screens.live import LiveScreen
from tui.screens.questions import ConfirmDialog
from tui.screens.target import TargetDialog
from tui.widgets.advice_panel import AdvicePanel
from tui.widgets.draft_line import brief, head
from tui.widgets.field_editor import FieldEditor, ValueInput
from tui.widgets.finding_list import FindingList, mistakes
from tui.widgets.preset_form import PresetForm
from tui.widgets.searchable_form import SearchableForm
from tui.widgets.yaml_editor import YamlEditor

BROKEN = "What stands there is no YAML, so it cannot be shown as a form. Mend it, or go back to what it was."
# Over all editors: an answer to a draft of the last one must not be taken for this one's.
NUMBERS = itertools.count(1)


class EditorScreen(LiveScreen):
    """One draft being edited. Every change is assessed at once; nothing is written before it is saved."""

    CSS_PATH = "editor.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]
    BINDINGS = [
        Binding("enter", "edit", "Edit", tooltip="Edit the setting; enter again is done"),
        Binding("slash", "search", "Search", key_display="/", tooltip="Find a setting by typing"),
        Binding("u", "undo", "Undo", tooltip="Take the setting back to what it is without this preset"),
        Binding("f", "fix", "Fix", tooltip="Mend the highlighted finding"),
        Binding("b", "target", "Batch", tooltip="Ways to an effective batch, by memory and time"),
        Binding("v", "ask('xray')", "Data", tooltip="X-ray: the data as the model sees them"),
        Binding("g", "ask('card')", "Card", tooltip="Judge for another GPU", show=False),
        Binding("y", "yaml", "YAML", tooltip="The file itself, and back"),
        Binding("s", "ask('save')", "Save", tooltip="Write the file"),
        Binding("a", "ask('save_as')", "Save as", tooltip="Write it under another name", show=False),
        Binding("r", "ask('rename')", "Rename", tooltip="Give the file another name", show=False),
        Binding("x", "ask('delete')", "Delete", tooltip="Delete the file (asks first)", show=False),
        Binding("l", "ask('launch')", "Launch", tooltip="Launch it as it is saved"),
        Binding("p", "read", "Panel", tooltip="On small screens: settings or what they mean", show=False),
        Binding("question_mark", "app.help", "Help", key_display="?", tooltip="Every key"),
        Binding("escape,q", "back", "Back", tooltip="Back; asks when something is not saved"),
    ]

    rows: reactive[tuple[FormRow, ...]] = reactive(())
    assessment: reactive[Assessment | None] = reactive(None)

    class Changed(Message):
        """The draft is different now."""

    class Asked(Message):
        """The user wants something that needs more than the draft."""

        def __init__(self, request: EditorRequest) -> None:
            self.request = request
            super().__init__()

    def __init__(self, draft: Draft) -> None:
        super().__init__()
        self.draft = draft
        self.number = 0
        self.leave_when_saved = False
        self._problems: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        yield Static(id="summary")
        with Horizontal(id="body"):
            with ContentSwitcher(initial="form-side", id="left"):
                with Vertical(id="form-side"):
                    yield SearchableForm(id="searchable")
                    yield FieldEditor(id="field")
                yield YamlEditor(id="yaml-side")
            with Vertical(id="right"):
                yield AdvicePanel(id="advice")
                yield FindingList(id="findings")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(PresetForm).focus()
        self.changed()

    def changed(self) -> None:
        """Draw the draft anew and have it assessed."""
        self.number = next(NUMBERS)
        self.rows = rows_of(self.draft, self._problems)
        self.post_message(self.Changed())

    def watch_rows(self, rows: tuple[FormRow, ...]) -> None:
        self.query_one(SearchableForm).rows = rows
        self._show_field()
        self.query_one("#head", Static).update(head(self.draft, rows, self._problems))

    def watch_assessment(self, assessment: Assessment | None) -> None:
        self.query_one(AdvicePanel).assessment = assessment
        if assessment is not None:
            listed = self.query_one(FindingList)
            listed.calm, listed.findings = assessment.calm, assessment.findings
        self._show_summary()

    def show_assessment(self, message: DraftAssessed) -> None:
        """Take an assessment in; one of an older draft is passed over."""
        if message.number != self.number:
            return
        editor = self.query_one(YamlEditor)
        if not editor.is_broken:
            editor.problem = "\n".join(f"{key}: {what}" for key, what in message.problems.items())
        if message.problems != self._problems:
            self._problems = dict(message.problems)
            self.rows = rows_of(self.draft, self._problems)
        self.query_one(AdvicePanel).border_subtitle = (
            "as it was before the mistake" if message.problems else ""
        )
        if message.assessment is not None:
            self.assessment = message.assessment
        elif message.problems:
            self.query_one(FindingList).findings = mistakes(message.problems)
        self._show_summary()

    def _show_summary(self) -> None:
        self.query_one("#summary", Static).update(brief(self.assessment, self._problems))

    def _show_field(self) -> None:
        row = self.query_one(PresetForm).highlighted_row
        current = next((one for one in self.rows if row is not None and one.field == row.field), row)
        self.query_one(FieldEditor).row = current

    @on(OptionList.OptionHighlighted, "#form")
    def _moved(self) -> None:
        self._show_field()

    @on(OptionList.OptionSelected, "#form")
    def _selected(self) -> None:
        self.action_edit()

    @on(OptionList.OptionSelected, "#findings")
    def _finding_selected(self) -> None:
        finding = self.query_one(FindingList).highlighted_finding
        if finding is not None:
            self._go_to(finding.key)

    def _go_to(self, name: str) -> None:
        self.remove_class("-reading")
        self.query_one(SearchableForm).go_to(name)

    # Editing

    def action_edit(self) -> None:
        self._show_field()
        row = self.query_one(FieldEditor).row
        if row is None:
            return
        if row.field.kind is FieldKind.SWITCH:
            self._step(row, 1)
        else:
            self.query_one(FieldEditor).edit()

    @on(PresetForm.Stepped)
    def _stepped(self, event: PresetForm.Stepped) -> None:
        self._step(event.row, event.by)

    def _step(self, row: FormRow, by: int) -> None:
        choices = ("false", "true") if row.field.kind is FieldKind.SWITCH else row.field.choices
        place = choices.index(row.text) if row.text in choices else -by
        self._set(row.field.name, choices[(place + by) % len(choices)])

    @on(FieldEditor.Typed)
    def _typed(self, event: FieldEditor.Typed) -> None:
        self._set(event.setting, event.text)
        if event.done:
            self._done()

    def _set(self, name: str, text: str) -> None:
        self.draft.set_text(field_named(name), text)
        self.changed()

    @on(ValueInput.Done)
    def _done(self) -> None:
        self.query_one(FieldEditor).stop_editing()
        self.query_one(PresetForm).focus()

    def action_undo(self) -> None:
        row = self.query_one(PresetForm).highlighted_row
        if row is None:
            return
        if not row.own:
            self.notify(
                f"{row.field.name} is not set here: {row.inherited or 'none'} comes from {row.origin}."
            )
            return
        self.draft.reset(row.field)
        self.changed()

    def action_fix(self) -> None:
        finding = self.query_one(FindingList).highlighted_finding
        if finding is None or not finding.fix:
            self.notify("There is nothing one key could mend here.")
            return
        for name, value in finding.fix:
            self.draft.set_value(field_named(name), value)
        self.notify(plain(finding.fix_text), title="Changed")
        self.changed()

    def action_target(self) -> None:
        if self.assessment is None:
            self.notify("The preset must be valid first.")
            return

        def answered(pair: tuple[int, int] | None) -> None:
            if pair is not None:
                self.draft.set_text(field_named("train.per_device_train_batch_size"), str(pair[0]))
                self.draft.set_text(field_named("train.gradient_accumulation_steps"), str(pair[1]))
                self.changed()

        self.app.push_screen(TargetDialog(self.assessment), answered)

    def action_search(self) -> None:
        self.query_one(SearchableForm).search()

    # The file itself

    def action_yaml(self) -> None:
        left = self.query_one("#left", ContentSwitcher)
        if left.current == "yaml-side":
            if self.query_one(YamlEditor).is_broken:
                self.app.push_screen(ConfirmDialog("No YAML", BROKEN, [("d", "drop it")]), self._drop_yaml)
                return
            left.current = "form-side"
            self.query_one(PresetForm).focus()
        else:
            left.current = "yaml-side"
            self.query_one(YamlEditor).begin(self.draft.yaml())

    def _drop_yaml(self, answer: str | None) -> None:
        if answer == "d":
            self.query_one(YamlEditor).is_broken = False
            self.action_yaml()

    @on(YamlEditor.Typed)
    def _yaml_typed(self, event: YamlEditor.Typed) -> None:
        editor = self.query_one(YamlEditor)
        try:
            self.draft.set_yaml(event.text)
        except PresetError as error:
            editor.problem, editor.is_broken = str(error.problems[0]), True
            return
        editor.is_broken = False
        self.changed()

    # Leaving

    def action_back(self) -> None:
        if self.query_one(SearchableForm).is_searching:
            self.query_one(SearchableForm).finish()
        elif self.query_one("#left", ContentSwitcher).current == "yaml-side":
            self.action_yaml()
        elif self.has_class("-reading"):
            self.action_read()
        elif self.draft.is_dirty:
            question = f"{self.draft.title} has changes that are not saved."
            answers = [("s", "save and leave"), ("d", "drop the changes")]
            self.app.push_screen(ConfirmDialog("Leave", question, answers), self._leaving)
        else:
            self.dismiss()

    def _leaving(self, answer: str | None) -> None:
        if answer == "d":
            self.dismiss()
        elif answer == "s":
            self.leave_when_saved = True
            self.action_ask(EditorRequest.SAVE)

    def action_ask(self, request: str) -> None:
        self.post_message(self.Asked(EditorRequest(request)))

    def action_read(self) -> None:
        self.toggle_class("-reading")
        (self.query_one(FindingList) if self.has_class("-reading") else self.query_one(PresetForm)).focus()
