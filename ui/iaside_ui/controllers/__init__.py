"""Controllers connect views and workers, and decide what happens.

============================  =================================================================
``main``                      the window as a whole: pages, files, questions
``audits``                    audits: started, paused, cancelled, and what comes of them
``colours``                   dark and light, and the file of preferences
============================  =================================================================
"""

from iaside_ui.controllers.audits import AuditController
from iaside_ui.controllers.colours import ColourController
from iaside_ui.controllers.main import MainController

__all__ = ["AuditController", "ColourController", "MainController"]
