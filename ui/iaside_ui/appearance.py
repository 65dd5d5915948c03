"""Dark and light: as the system, or as the user chose.

Widgets take their colours from the palette. The palettes below serve only where the platform does
not obey ``QStyleHints.setColorScheme``: a bare X11 session, or no screen at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QPalette
from PySide6.QtWidgets import QApplication

from iaside_ui.preferences import ColourScheme

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

BAR_COLOUR: Final = "#2A85C0"
TRACE_COLOUR: Final = "#D55E00"
"""Colours of data do not change with the scheme: blue and vermilion after Okabe and Ito, which
people with any colour vision tell apart, the blue light enough to be seen on black (3:1)."""

LOW_COLOUR: Final = "#2A85C0"
HIGH_COLOUR: Final = "#D55E00"
AGAINST_COLOUR: Final = "#D55E00"
"""Of bars below zero, which are hatched too."""
SERIES_COLOURS: Final = ("#2A85C0", "#D55E00", "#009E73", "#CC79A7", "#A98600", "#7A7A7A")
"""Of results side by side, after Okabe and Ito; patterns tell them apart as well."""
_PATTERNS: Final = (
    Qt.BrushStyle.SolidPattern,
    Qt.BrushStyle.BDiagPattern,
    Qt.BrushStyle.Dense5Pattern,
    Qt.BrushStyle.CrossPattern,
    Qt.BrushStyle.HorPattern,
    Qt.BrushStyle.FDiagPattern,
)
MAP_COLOURS: Final = ("#000004", "#1f2a6b", "#2a6f8f", "#4fb286", "#f2e96b")
"""Maps run from dark to light, so that they can be read without colour."""

_QT_SCHEMES: Final = {
    ColourScheme.SYSTEM: Qt.ColorScheme.Unknown,
    ColourScheme.LIGHT: Qt.ColorScheme.Light,
    ColourScheme.DARK: Qt.ColorScheme.Dark,
}

_ROLES: Final = QPalette.ColorRole
_LIGHT: Final = {
    _ROLES.Window: "#f2f2f2",
    _ROLES.WindowText: "#1a1a1a",
    _ROLES.Base: "#ffffff",
    _ROLES.AlternateBase: "#f6f6f6",
    _ROLES.Text: "#1a1a1a",
    _ROLES.Button: "#f2f2f2",
    _ROLES.ButtonText: "#1a1a1a",
    _ROLES.BrightText: "#ffffff",
    _ROLES.ToolTipBase: "#ffffff",
    _ROLES.ToolTipText: "#1a1a1a",
    _ROLES.PlaceholderText: "#6b6b6b",
    _ROLES.Highlight: "#1f6fb2",
    _ROLES.HighlightedText: "#ffffff",
    _ROLES.Accent: "#1f6fb2",
    _ROLES.Link: "#1f6fb2",
    _ROLES.LinkVisited: "#7a4f9a",
    _ROLES.Light: "#ffffff",
    _ROLES.Midlight: "#e6e6e6",
    _ROLES.Mid: "#b8b8b8",
    _ROLES.Dark: "#9c9c9c",
    _ROLES.Shadow: "#707070",
}
_DARK: Final = {
    _ROLES.Window: "#2b2b2b",
    _ROLES.WindowText: "#ececec",
    _ROLES.Base: "#1e1e1e",
    _ROLES.AlternateBase: "#262626",
    _ROLES.Text: "#ececec",
    _ROLES.Button: "#383838",
    _ROLES.ButtonText: "#ececec",
    _ROLES.BrightText: "#ffffff",
    _ROLES.ToolTipBase: "#383838",
    _ROLES.ToolTipText: "#ececec",
    _ROLES.PlaceholderText: "#a0a0a0",
    _ROLES.Highlight: "#2a76b5",
    _ROLES.HighlightedText: "#ffffff",
    _ROLES.Accent: "#2a76b5",
    _ROLES.Link: "#6cb2ea",
    _ROLES.LinkVisited: "#b594d6",
    _ROLES.Light: "#4a4a4a",
    _ROLES.Midlight: "#424242",
    _ROLES.Mid: "#4f4f4f",
    _ROLES.Dark: "#191919",
    _ROLES.Shadow: "#0f0f0f",
}
_FADING_ROLES: Final = (_ROLES.WindowText, _ROLES.Text, _ROLES.ButtonText)
_DISABLED: Final = {ColourScheme.LIGHT: "#9a9a9a", ColourScheme.DARK: "#7d7d7d"}


def apply_colour_scheme(scheme: ColourScheme) -> None:
    """Show every window in `scheme`, from now on."""
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        raise TypeError("the application must exist before its colours")
    hints = application.styleHints()
    hints.setColorScheme(_QT_SCHEMES[scheme])
    is_obeyed = scheme == ColourScheme.SYSTEM or hints.colorScheme() == _QT_SCHEMES[scheme]
    # An empty palette gives every role back to the platform.
    application.setPalette(QPalette() if is_obeyed else palette_of(scheme))


def palette_of(scheme: ColourScheme) -> QPalette:
    """Return the palette that stands in for a platform that knows no colour schemes."""
    colours = _DARK if scheme == ColourScheme.DARK else _LIGHT
    palette = QPalette()
    for role, colour in colours.items():
        palette.setColor(role, QColor(colour))
    disabled = QColor(_DISABLED.get(scheme, _DISABLED[ColourScheme.LIGHT]))
    for role in _FADING_ROLES:
        palette.setColor(QPalette.ColorGroup.Disabled, role, disabled)
    return palette


def series_brush(place: int) -> QBrush:
    """Return colour and pattern of the result at some place: without colour, the pattern tells."""
    colour = QColor(SERIES_COLOURS[place % len(SERIES_COLOURS)])
    return QBrush(colour, _PATTERNS[place % len(_PATTERNS)])


def enlarge_font(widget: QWidget, factor: float) -> None:
    """Make the text of a heading larger than the user's own, by `factor`, and bold."""
    font = widget.font()
    font.setPointSizeF(font.pointSizeF() * factor)
    font.setBold(True)
    widget.setFont(font)


def characters_wide(widget: QWidget, n_characters: int) -> int:
    """Return the width of so many characters in the widget's font, in device-independent pixels."""
    return widget.fontMetrics().averageCharWidth() * n_characters
