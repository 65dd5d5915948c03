"""Qt's item models over plain rows.

============================  =================================================================
``rows``                      a table of frozen rows, described by its columns
``tables``                    the columns of the tables that the window shows
``breakdowns``                single images, groups of them, pairs of bands
``checks``                    the checks of a result
``comparisons``               results, their differences, models of a study
``corruptions``               errors and losses by corruption and severity
``log``                       the growing log of an audit
============================  =================================================================
"""

from iaside_ui.qtmodels.breakdowns import ImageModel, InteractionModel, group_model
from iaside_ui.qtmodels.comparisons import compared_model, difference_model, study_model
from iaside_ui.qtmodels.log import LogModel
from iaside_ui.qtmodels.rows import ROW_ROLE, VALUE_ROLE, Column, RowModel, plain_tip
from iaside_ui.qtmodels.tables import (
    band_model,
    fact_model,
    queue_model,
    recent_model,
    score_model,
    share_model,
    shortcut_model,
    trial_model,
)

__all__ = [
    "ROW_ROLE",
    "VALUE_ROLE",
    "Column",
    "ImageModel",
    "InteractionModel",
    "LogModel",
    "RowModel",
    "band_model",
    "compared_model",
    "difference_model",
    "fact_model",
    "group_model",
    "plain_tip",
    "queue_model",
    "recent_model",
    "score_model",
    "share_model",
    "shortcut_model",
    "study_model",
    "trial_model",
]
