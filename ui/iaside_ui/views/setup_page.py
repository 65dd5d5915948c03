"""The form of an audit."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from iaside_ui.appearance import enlarge_font
from iaside_ui.icons import icon
from iaside_ui.state import AuditRequest, LabelSource
from iaside_ui.views.dialogs import FileKind
from iaside_ui.views.fields import PathField

LABEL_SOURCES: Final = (LabelSource.AUTO, LabelSource.SELF, LabelSource.FILE)


class SetupPage(QWidget):
    """Model, images, and where labels and preprocessing come from."""

    auditRequested = Signal(AuditRequest)
    leaveAsked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel(self.tr("Audit a model"), self)
        enlarge_font(title, 1.6)
        self._model = PathField(
            FileKind.MODEL,
            name=self.tr("Model"),
            hint=self.tr("An .onnx image classifier"),
            parent=self,
        )
        self._images = PathField(
            FileKind.IMAGES,
            name=self.tr("Images"),
            hint=self.tr("A folder, a CSV of path and label, or an .npz"),
            parent=self,
        )
        self._label_source = QComboBox(self)
        self._label_source.setAccessibleName(self.tr("Labels"))
        self._label_source.addItems(
            [
                self.tr("Found with the images: a CSV, or folders named as classes"),
                self.tr("The model's own predictions (no accuracy then)"),
                self.tr("From a file"),
            ]
        )
        self._labels_file = PathField(
            FileKind.LABELS,
            name=self.tr("File of labels"),
            hint=self.tr("A CSV with the columns path and label"),
            parent=self,
        )
        self._preprocessing = PathField(
            FileKind.PREPROCESSING,
            name=self.tr("Preprocessing"),
            hint=self.tr("Optional: else found beside the model or in it, never assumed"),
            parent=self,
        )
        self.back_button = QPushButton(self.tr("&Back"), self)
        self.start_button = QPushButton(icon("audit"), self.tr("&Start audit"), self)
        self.start_button.setDefault(True)
        self._form = QFormLayout()
        self._arrange(title)
        self._label_source.currentIndexChanged.connect(self._offer_labels_file)
        self.start_button.clicked.connect(self._request)
        self.back_button.clicked.connect(self.leaveAsked)
        for field in (self._model, self._images, self._labels_file, self._preprocessing):
            field.returnPressed.connect(self._request)
        self._offer_labels_file(self._label_source.currentIndex())

    def _arrange(self, title: QLabel) -> None:
        form = self._form
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(self.tr("&Model"), self._model)
        form.addRow(self.tr("&Images"), self._images)
        form.addRow(self.tr("&Labels"), self._label_source)
        form.addRow(self.tr("&File of labels"), self._labels_file)
        form.addRow(self.tr("&Preprocessing"), self._preprocessing)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(self.back_button)
        buttons.addWidget(self.start_button)
        column = QVBoxLayout()
        column.addStretch(1)
        column.addWidget(title)
        column.addSpacing(self.fontMetrics().lineSpacing())
        column.addLayout(form)
        column.addSpacing(self.fontMetrics().lineSpacing())
        column.addLayout(buttons)
        column.addStretch(2)
        layout = QHBoxLayout(self)
        layout.addStretch(1)
        layout.addLayout(column, 4)
        layout.addStretch(1)

    def request(self) -> AuditRequest:
        """Return what the form holds."""
        return AuditRequest(
            model=self._model.text,
            images=self._images.text,
            label_source=LABEL_SOURCES[self._label_source.currentIndex()],
            labels_file=self._labels_file.text,
            preprocessing=self._preprocessing.text,
        )

    def show_request(self, request: AuditRequest) -> None:
        """Fill the form, and put the keyboard where something is missing."""
        self._model.set_text(request.model)
        self._images.set_text(request.images)
        self._label_source.setCurrentIndex(LABEL_SOURCES.index(request.label_source))
        self._labels_file.set_text(request.labels_file)
        self._preprocessing.set_text(request.preprocessing)
        missing = self._model if not request.model else self._images
        missing.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot()
    def _request(self) -> None:
        self.auditRequested.emit(self.request())

    @Slot(int)
    def _offer_labels_file(self, choice: int) -> None:
        is_file = LABEL_SOURCES[choice] == LabelSource.FILE
        self._form.setRowVisible(self._labels_file, is_file)
