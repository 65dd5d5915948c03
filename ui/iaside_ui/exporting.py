"""What a widget shows, as a file: SVG and PDF drawn as vectors, PNG at twice its pixels."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QPoint, QRect, QSizeF
from PySide6.QtGui import QImage, QImageWriter, QPageSize, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

from iaside_audit.errors import ReportError, SpecError
from iaside_audit.report import write_bytes
from iaside_audit.report.summary import base_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

PNG_SCALE: Final = 2
DOTS_PER_INCH: Final = 96
POINTS_PER_INCH: Final = 72
SUFFIXES: Final = (".svg", ".png", ".pdf")
PART_CHARACTERS: Final = 40
"""Of a proposed name, for its model and for its subject: file systems take 255 bytes in all."""


def write_picture(widget: QWidget, path: Path) -> None:
    """Write what a widget shows, in the format that the suffix of `path` says.

    Raises
    ------
    SpecError
        If the suffix is none of .svg, .png and .pdf.
    ReportError
        If the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise SpecError(
            f"Expected a picture ending in {', '.join(SUFFIXES)}, found {suffix!r} in "
            f"{str(path)!r}.",
            path=str(path),
            found=suffix,
        )
    for part in widget.findChildren(QWidget):
        part.setUpdatesEnabled(True)  # what has just come up waits for its turn
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    match suffix:
        case ".svg":
            _write_svg(widget, buffer)
        case ".pdf":
            _write_pdf(widget, buffer)
        case _:
            _write_png(widget, buffer)
    buffer.close()
    if data.isEmpty():
        raise ReportError(f"Expected a picture of the plot, found none for '{path}'.")
    write_bytes(path, bytes(data.data()))


def proposed_name(model: str, subject: str) -> str:
    """Return what a file of `subject` is to be called, without a suffix; several models' differ.

    Parameters
    ----------
    model : str
        Name or path of the model that it is about; empty where it is about none, or several.
    subject : str
        What is written.

    Examples
    --------
    >>> proposed_name("/models/mobilenet_v2 (1.0).onnx", "Importance of bands")
    'mobilenet_v2-1-0-importance-of-bands'
    """
    parts = (base_name(model).removesuffix(".onnx"), subject.lower())
    words = ("-".join(re.findall(r"\w+", part))[:PART_CHARACTERS].strip("-") for part in parts)
    return "-".join(word for word in words if word) or "plot"


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV, the first one being the headings."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _write_svg(widget: QWidget, buffer: QBuffer) -> None:
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(widget.size())
    generator.setViewBox(QRect(QPoint(0, 0), widget.size()))
    generator.setTitle(widget.accessibleName())
    generator.setDescription(widget.accessibleDescription())
    painter = QPainter(generator)
    widget.render(painter, QPoint(0, 0))
    painter.end()


def _write_pdf(widget: QWidget, buffer: QBuffer) -> None:
    writer = QPdfWriter(buffer)
    writer.setTitle(widget.accessibleName())
    points = QSizeF(widget.size()) * (POINTS_PER_INCH / DOTS_PER_INCH)
    writer.setPageSize(QPageSize(points, QPageSize.Unit.Point))
    writer.setPageMargins(QMarginsF(0, 0, 0, 0))
    painter = QPainter(writer)
    scale = writer.logicalDpiX() / DOTS_PER_INCH
    painter.scale(scale, scale)
    widget.render(painter, QPoint(0, 0))
    painter.end()


def _write_png(widget: QWidget, buffer: QBuffer) -> None:
    image = QImage(widget.size() * PNG_SCALE, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(PNG_SCALE)
    image.fill(widget.palette().window().color())
    widget.render(image, QPoint(0, 0))
    QImageWriter(buffer, QByteArray(b"png")).write(image)
