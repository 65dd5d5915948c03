"""The form of an audit, its plan as it changes, and the preprocessing assistant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QCoreApplication, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from iaside_ui.appearance import enlarge_font
from iaside_ui.state import ActionKey, AssistantState, Examination, Form
from iaside_ui.state.form import GROUPS
from iaside_ui.views.assistant_panel import AssistantPanel
from iaside_ui.views.buttons import action_button
from iaside_ui.views.fields import FaultLabel, Field
from iaside_ui.views.wrapped_label import WrappedLabel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QAction

LEFT_GROUPS: Final = ("Model and images", "Bands", "Absence and value", "Advanced")
"""The others stand in the second column."""
FOLDED_GROUP: Final = "Advanced"
"""Shown on demand, or where something in it is filled in or wrong."""
FILE_ACTIONS: Final = (
    ActionKey.UNDO,
    ActionKey.REDO,
    ActionKey.LOAD_SETTINGS,
    ActionKey.SAVE_SETTINGS,
    ActionKey.COPY_COMMAND,
)


class SetupPage(QWidget):
    """Fields on the left, the plan and the assistant on the right.

    Parameters
    ----------
    actions : mapping
        Of the window.
    parent : QWidget or None
        Its owner.
    """

    fieldEdited = Signal(str, str)  # name, text

    def __init__(self, actions: Mapping[ActionKey, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fields: dict[str, Field] = {}
        self._folded: QGroupBox  # made with the other groups
        self._plan = WrappedLabel(self)
        self._plan.setAccessibleName(self.tr("Plan of the audit"))
        self._plan.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._plan.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._fault = FaultLabel(self)
        self.advanced_button = QToolButton(self)
        self.advanced_button.setText(_translated(FOLDED_GROUP))
        self.advanced_button.setToolTip(
            self.tr("Rows of before, a part of the images, a cluster, the size of a model.")
        )
        self.advanced_button.setCheckable(True)
        self.advanced_button.setAutoRaise(True)
        self.advanced_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.advanced_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.advanced_button.setArrowType(Qt.ArrowType.RightArrow)
        self.advanced_button.toggled.connect(self._unfold)
        self.assistant = AssistantPanel(actions, self)
        self._arrange(actions)

    @property
    def plan_text(self) -> str:
        """The plan in words."""
        return self._plan.text()

    def show_form(self, form: Form) -> None:
        """Fill in the fields."""
        for name, field in self.fields.items():
            field.show_text(form.text(name))
        if any(form.text(field.name) for field in GROUPS[FOLDED_GROUP]):
            self.advanced_button.setChecked(True)

    def show_examination(self, found: Examination, *, is_pending: bool = False) -> None:
        """Show the plan, and what is wrong beside the fields."""
        for name, field in self.fields.items():
            fault = found.faults.get(name, "")
            is_missing = name in ("model", "images") and not found.form.text(name)
            field.show_fault("" if is_missing else fault)
        self._fault.show_fault(found.faults.get("", ""))
        sentences = list(found.sentences())
        if is_pending:
            sentences.append(self.tr("Looking..."))
        elif not sentences:
            sentences.append(self.tr("Choose a model and images to see what the audit will take."))
        self._plan.setText("\n".join(sentences))

    def show_assistant(self, state: AssistantState) -> None:
        """Show how far the preprocessing assistant is."""
        self.assistant.show_state(state)

    def commit(self) -> None:
        """Say what was typed into a field that the keyboard has not left yet."""
        for field in self.fields.values():
            field.commit()

    def focus_missing(self, form: Form) -> None:
        """Put the keyboard where something is missing."""
        missing = "model" if not form.text("model") else "images"
        self.fields[missing].setFocus(Qt.FocusReason.OtherFocusReason)

    def _arrange(self, actions: Mapping[ActionKey, QAction]) -> None:
        title = QLabel(self.tr("Set up an audit"), self)
        enlarge_font(title, 1.4)
        head = QHBoxLayout()
        head.addWidget(title)
        head.addStretch(1)
        for key in FILE_ACTIONS:
            has_text = key not in (ActionKey.UNDO, ActionKey.REDO)
            head.addWidget(action_button(actions[key], self, has_text=has_text))
        columns = QSplitter(Qt.Orientation.Horizontal, self)
        columns.setChildrenCollapsible(False)
        columns.addWidget(self._form_panel())
        columns.addWidget(self._plan_panel(actions))
        columns.setStretchFactor(0, 3)
        columns.setStretchFactor(1, 2)
        columns.setSizes([600, 400])  # shares of what there is
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(head)
        layout.addWidget(columns, stretch=1)

    def _form_panel(self) -> QWidget:
        panel = QWidget(self)
        sides = [QVBoxLayout(), QVBoxLayout()]
        for group, fields in GROUPS.items():
            box = QGroupBox(_translated(group), panel)
            grid = QFormLayout(box)
            grid.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
            for one in fields:
                field = Field(one, box)
                field.edited.connect(self._edit)
                self.fields[one.name] = field
                grid.addRow(field.label, field)
            side = sides[int(group not in LEFT_GROUPS)]
            if group == FOLDED_GROUP:
                box.setTitle("")
                box.hide()
                self._folded = box
                side.addWidget(self.advanced_button)
            side.addWidget(box)
        layout = QHBoxLayout(panel)
        layout.setContentsMargins(0, 0, 0, 0)
        for side, stretch in zip(sides, (3, 2), strict=True):
            side.addStretch(1)
            layout.addLayout(side, stretch)
        area = QScrollArea(self)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(panel)
        bar = area.verticalScrollBar().sizeHint().width()
        self._area = area
        area.setMinimumWidth(panel.minimumSizeHint().width() + bar)
        return area

    def _plan_panel(self, actions: Mapping[ActionKey, QAction]) -> QWidget:
        panel = QWidget(self)
        box = QGroupBox(self.tr("Plan"), panel)
        inside = QVBoxLayout(box)
        inside.addWidget(self._plan, stretch=1)
        inside.addWidget(self._fault)
        start = action_button(actions[ActionKey.START_AUDIT], box)
        enlarge_font(start, 1.1)
        inside.addWidget(start, alignment=Qt.AlignmentFlag.AlignRight)
        layout = QVBoxLayout(panel)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(box)
        layout.addWidget(self.assistant, stretch=1)
        return panel

    @Slot(bool)
    def _unfold(self, is_open: bool) -> None:  # noqa: FBT001 - Qt's signals have no keywords
        arrow = Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow
        self.advanced_button.setArrowType(arrow)
        self._folded.setVisible(is_open)
        if is_open:
            QTimer.singleShot(0, self._scroll_to_folded)

    @Slot()
    def _scroll_to_folded(self) -> None:
        self._area.ensureWidgetVisible(self._folded)

    @Slot(str, str)
    def _edit(self, name: str, text: str) -> None:
        self.fieldEdited.emit(name, text)


def _translated(text: str) -> str:
    return QCoreApplication.translate("fields", text)
