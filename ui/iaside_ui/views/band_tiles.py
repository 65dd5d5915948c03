"""The bands of one image as pictures, each with a box to tick."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from iaside_audit.report import format_number
from iaside_ui.views.image_view import ImageView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QResizeEvent

    from iaside_audit.types import FloatVector
    from iaside_ui.state.inspection import Picture

BELOW_LINES: Final = 1.8
"""Lines of text that a tile needs below its picture."""


class BandTile(QWidget):
    """One band: its picture, a box to tick, the gain, and its Shapley value.

    Parameters
    ----------
    band : int
        Its number; Alt and the digit tick the box.
    parent : QWidget or None
        Its owner.
    """

    toggled = Signal(int, bool)

    def __init__(self, band: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._band = band
        name = self.tr("Picture of band {band}").format(band=band)
        self.picture = ImageView(name, self, height_share=1)
        self.picture.setCursor(Qt.CursorShape.PointingHandCursor)
        mnemonic = "&" if band < 10 else ""  # noqa: PLR2004 - digits
        self.box = QCheckBox(f"{mnemonic}{band}", self)
        self.box.setAccessibleName(self.tr("Band {band}").format(band=band))
        self._value = QLabel(self)
        self._value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._value.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        line = QGridLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.box, 0, 0)
        line.addWidget(self._value, 0, 1)
        line.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.setSpacing(2)
        layout.addWidget(self.picture, stretch=1)
        layout.addLayout(line)
        self.box.toggled.connect(self._toggle)
        self.picture.clicked.connect(self.box.toggle)

    def show_picture(self, picture: Picture, low: float, high: float) -> None:
        """Show the picture of the band between two edges."""
        self.picture.show_pixels(picture.pixels)
        gain = (
            self.tr("shown as it is")
            if picture.gain == 1
            else self.tr("amplified {gain:g} times around grey").format(gain=picture.gain)
        )
        rho = "\N{GREEK SMALL LETTER RHO}"
        self.setToolTip(
            self.tr("Band {band}: {low:.3g} to {high:.3g} {rho}, {gain}").format(
                band=self._band, low=low, high=high, rho=rho, gain=gain
            )
        )
        self._gain = "" if picture.gain == 1 else f"\N{MULTIPLICATION SIGN}{picture.gain:g}"
        self._show_value(None)

    def show_shapley(self, value: float | None, unit: str) -> None:
        """Write the Shapley value below the picture."""
        self._show_value(value, unit)

    def set_present(self, is_present: bool) -> None:  # noqa: FBT001 - as Qt's setters
        """Tick the box, without saying so."""
        self.box.blockSignals(True)
        self.box.setChecked(is_present)
        self.box.blockSignals(False)
        self.picture.set_dimmed(not is_present)

    def _show_value(self, value: float | None, unit: str = "") -> None:
        known = "" if value is None else f"{value:+.2f}"
        self._value.setText("  ".join(one for one in (self._gain, known) if one))
        description = self.toolTip()
        if value is not None:
            description += self.tr("; Shapley value {value} {unit}").format(
                value=format_number(value), unit=unit
            )
        self.box.setAccessibleDescription(description)
        self._value.setToolTip(description)

    @Slot(bool)
    def _toggle(self, is_present: bool) -> None:  # noqa: FBT001 - Qt's slot
        self.picture.set_dimmed(not is_present)
        self.toggled.emit(self._band, is_present)


class BandTiles(QWidget):
    """All bands, the lowest first."""

    codeChosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(4)
        self.tiles: list[BandTile] = []
        self._code = 0
        self._n_columns = 0

    def show_bands(self, pictures: Sequence[Picture], edges: Sequence[float]) -> None:
        """Show the bands of another image."""
        self._make_tiles(len(pictures))
        for band, (tile, picture) in enumerate(zip(self.tiles, pictures, strict=True)):
            tile.show_picture(picture, edges[band], edges[band + 1])
        self.show_coalition(self._code)

    def show_coalition(self, code: int) -> None:
        """Tick the bands of a coalition."""
        self._code = code
        for band, tile in enumerate(self.tiles):
            tile.set_present(bool(code >> band & 1))

    def show_shapley(self, values: FloatVector | None, unit: str) -> None:
        """Write the Shapley values; none where they are not known yet."""
        for band, tile in enumerate(self.tiles):
            known = values is not None and band < len(values)
            tile.show_shapley(float(values[band]) if values is not None and known else None, unit)

    def _make_tiles(self, n_bands: int) -> None:
        """Have so many tiles, in rows of a width that suits them."""
        if len(self.tiles) == n_bands:
            return
        while len(self.tiles) > n_bands:
            tile = self.tiles.pop()
            tile.hide()
            tile.deleteLater()
        while len(self.tiles) < n_bands:
            tile = BandTile(len(self.tiles), self)
            tile.toggled.connect(self._toggle)
            self.tiles.append(tile)
            tile.show()
        self._n_columns = 0
        self._arrange()
        for first, second in zip(self.tiles, self.tiles[1:], strict=False):
            QWidget.setTabOrder(first.box, second.box)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put as many side by side as makes the pictures largest."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        n_bands = len(self.tiles)
        if not n_bands:
            return
        below = round(BELOW_LINES * self.fontMetrics().lineSpacing())
        n_columns = columns_for(n_bands, self.width(), self.height(), below)
        if n_columns == self._n_columns:
            return
        self._n_columns = n_columns
        for band, tile in enumerate(self.tiles):
            self._grid.addWidget(tile, *divmod(band, n_columns))
        n_rows = math.ceil(n_bands / n_columns)
        for row in range(self._grid.rowCount()):
            self._grid.setRowStretch(row, int(row < n_rows))
        for column in range(self._grid.columnCount()):
            self._grid.setColumnStretch(column, int(column < n_columns))

    @Slot(int, bool)
    def _toggle(self, band: int, is_present: bool) -> None:  # noqa: FBT001 - Qt's slot
        self._code = self._code | 1 << band if is_present else self._code & ~(1 << band)
        self.codeChosen.emit(self._code)


def columns_for(n_bands: int, width: int, height: int, below: int) -> int:
    """Return how many tiles stand side by side, so that their square pictures are largest.

    Parameters
    ----------
    n_bands : int
        Tiles in all.
    width, height : int
        Of the room for them.
    below : int
        Height that each tile needs below its picture.

    Examples
    --------
    >>> [columns_for(n, 660, 640, 20) for n in (2, 4, 8, 16)]
    [2, 2, 3, 4]
    """

    def side(n_columns: int) -> float:
        return min(width / n_columns, height / math.ceil(n_bands / n_columns) - below)

    return max(range(1, n_bands + 1), key=side)
