"""What the window shows, as frozen snapshots: plain Python, no widgets.

============================  =================================================================
``application``               the page shown, the result open, and which actions are possible
``run``                       a running audit, folded from its events
``form``, ``planning``        the form of an audit; what is known of it before it runs
``inspection``, ``pictures``  the band inspector; what it shows, as pixels
``measuring``                 what to measure of robustness, and its cost
``robustness``                measured robustness; ``frequency``: its curves
``checking``                  the check of a result
``messages``                  what the message bar says
``breakdown``                 images, classes and pairs of bands of a result
``comparison``, ``study``     results side by side; the models of a study
``words``                     sentences in the user's language
``facts``                     a result's origin, as headings and values
============================  =================================================================
"""

from iaside_ui.state.application import (
    PAGE_ACTIONS,
    ActionKey,
    AppState,
    OpenResult,
    Page,
    impossible_because,
    possible_actions,
)
from iaside_ui.state.facts import Fact, provenance
from iaside_ui.state.form import Form
from iaside_ui.state.inspection import InspectorState
from iaside_ui.state.messages import Message, Severity, message_of
from iaside_ui.state.planning import AssistantState, Examination
from iaside_ui.state.run import Note, NoteKind, QueuedRun, RunOutcome, RunState, ScorePoint

__all__ = [
    "PAGE_ACTIONS",
    "ActionKey",
    "AppState",
    "AssistantState",
    "Examination",
    "Fact",
    "Form",
    "InspectorState",
    "Message",
    "Note",
    "NoteKind",
    "OpenResult",
    "Page",
    "QueuedRun",
    "RunOutcome",
    "RunState",
    "ScorePoint",
    "Severity",
    "impossible_because",
    "message_of",
    "possible_actions",
    "provenance",
]
