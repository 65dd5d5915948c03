"""What the window shows, as frozen snapshots: plain Python, no Qt.

============================  =================================================================
``application``               the page shown, the result open, and which actions are possible
``run``                       a running audit, folded from its events
``requests``                  the form of an audit, and the specification it becomes
``messages``                  what the message bar says
``facts``                     a result's origin, as headings and values
============================  =================================================================
"""

from iaside_ui.state.application import ActionKey, AppState, OpenResult, Page, possible_actions
from iaside_ui.state.facts import Fact, provenance
from iaside_ui.state.messages import Message, Severity, message_of
from iaside_ui.state.requests import AuditRequest, LabelSource
from iaside_ui.state.run import Note, NoteKind, RunState, ScorePoint

__all__ = [
    "ActionKey",
    "AppState",
    "AuditRequest",
    "Fact",
    "LabelSource",
    "Message",
    "Note",
    "NoteKind",
    "OpenResult",
    "Page",
    "RunState",
    "ScorePoint",
    "Severity",
    "message_of",
    "possible_actions",
    "provenance",
]
