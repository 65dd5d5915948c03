"""Qt's item models over plain rows.

============================  =================================================================
``rows``                      a table of frozen rows, described by its columns
``tables``                    the columns of the tables that the window shows
``log``                       the growing log of an audit
============================  =================================================================
"""

from iaside_ui.qtmodels.log import LogModel
from iaside_ui.qtmodels.rows import ROW_ROLE, Column, RowModel
from iaside_ui.qtmodels.tables import band_model, fact_model, score_model, shortcut_model

__all__ = [
    "ROW_ROLE",
    "Column",
    "LogModel",
    "RowModel",
    "band_model",
    "fact_model",
    "score_model",
    "shortcut_model",
]
