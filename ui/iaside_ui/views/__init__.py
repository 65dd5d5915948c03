"""Widgets: they show snapshots and say what the user did; they decide nothing.

============================  =================================================================
``main_window``               menus, the bar of pages, message bar, questions
``start_page``                ways in, recent files
``setup_page``, ``fields``    the form of an audit and its plan
``assistant_panel``           the preprocessing assistant
``run_page``                  an audit under way, and the queue
``result_page``               a result; its tabs are ``importance_panel``,
                              ``breakdown_panels`` and ``origin_panel``
``comparison_page``           results side by side, drawn by ``compared_plot``; its other tab is
                              ``study_panel`` with ``study_plot``
``inspector_page``            one image and its bands: ``cut_settings``, ``band_tiles``,
                              ``image_view``
``robustness_page``           measured robustness; its tabs are ``corruption_panel``
                              with ``corruption_grid``, ``frequency_panel``, ``heatmap_panel``
``frequency_plot``            curves over frequency; ``loss_plot``: predicted against measured
``importance_plot``           bars of the bands with their intervals
``score_trace``               the signed score settling
``sweep_plot``                one image: sweeps and Shapley values; ``profile_plot``: of several
``themed_plot``               what every plot has: palette colours, words; on a ``plain_plot``
``exportable``                what can be had as a picture and as numbers
``check_dialog``              whether a result holds
``message_bar``               messages that wait, with details on demand
``dialogs``                   the shortcut page, files and questions
``gapped``, ``progress``      what stands where nothing is yet; how far something is
``buttons``, ``tables``       buttons of actions; read-only tables
``symbol_key``                what the symbols of a plot stand for
``wrapped_label``             text that wraps, whatever stands in it
``gap_panel``                 a panel, or why there is nothing to show
============================  =================================================================
"""

from iaside_ui.views.dialogs import Answer, FileKind, Question
from iaside_ui.views.exportable import Exportable
from iaside_ui.views.main_window import MainWindow

__all__ = ["Answer", "Exportable", "FileKind", "MainWindow", "Question"]
