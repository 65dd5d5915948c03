"""Controllers connect views and workers, and decide what happens.

============================  =================================================================
``shell``                     the window and the snapshot that every controller shares
``main``                      what is opened or dropped, pages, closing
``setup``                     the form of an audit, its plan
``assistant``                 the preprocessing assistant, beside the form
``audits``                    audits: queued, started, paused, cancelled
``results``                   results: opened, saved, reported, closed
``checking``                  whether a result holds
``breakdown``                 images, classes and interactions of the result that is shown
``comparison``                results side by side; a study
``exports``                   plots and their numbers as files
``inspector``                 the band inspector
``robustness``                measured robustness: run and looked at
``measurement_files``         measurements opened and saved
``session``                   recent files, and what was open last time
``colours``                   dark and light, and the file of preferences
============================  =================================================================
"""

from iaside_ui.controllers.assistant import AssistantController
from iaside_ui.controllers.audits import AuditController
from iaside_ui.controllers.breakdown import BreakdownController
from iaside_ui.controllers.checking import CheckController
from iaside_ui.controllers.colours import ColourController
from iaside_ui.controllers.comparison import ComparisonController
from iaside_ui.controllers.exports import ExportController
from iaside_ui.controllers.inspector import InspectorController
from iaside_ui.controllers.main import MainController
from iaside_ui.controllers.measurement_files import MeasurementFilesController
from iaside_ui.controllers.results import ResultsController
from iaside_ui.controllers.robustness import RobustnessController
from iaside_ui.controllers.session import SessionController
from iaside_ui.controllers.setup import SetupController
from iaside_ui.controllers.shell import Shell

__all__ = [
    "AssistantController",
    "AuditController",
    "BreakdownController",
    "CheckController",
    "ColourController",
    "ComparisonController",
    "ExportController",
    "InspectorController",
    "MainController",
    "MeasurementFilesController",
    "ResultsController",
    "RobustnessController",
    "SessionController",
    "SetupController",
    "Shell",
]
