"""Widgets: they show snapshots and say what the user did; they decide nothing.

============================  =================================================================
``main_window``               menus, pages, message bar, questions
``start_page``                three ways in
``setup_page``                the form of an audit
``run_page``                  an audit under way
``result_page``               a result, and where it comes from
``importance_plot``           bars of the bands with their intervals
``score_trace``               the signed score settling
``themed_plot``               what every plot has: palette colours, one way to be seen
``message_bar``               messages that wait, with details on demand
``dialogs``                   the shortcut page, files and questions
``fields``, ``tables``        a path to be typed or chosen; read-only tables
============================  =================================================================
"""

from iaside_ui.views.dialogs import Answer, FileKind, Question
from iaside_ui.views.main_window import MainWindow

__all__ = ["Answer", "FileKind", "MainWindow", "Question"]
