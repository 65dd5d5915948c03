"""What must not run in the window's thread.

============================  =================================================================
``streams``                   what yields events, one at a time, in a thread of its own
``audits``, ``checks``        audits; whether a result holds
``measurements``              corruptions, SNR, heat map, pass bands
``examination``               model, images and plan of a form; the preprocessing assistant
``inspector``                 the interactive classifier
``jobs``                      short jobs: reading a result, writing a report
``measurement_files``         measurements read and written; ``pictures``: corrupted images
``thumbnails``                small pictures, made when they are first looked at
``warming``                   imports, once the window is there
============================  =================================================================
"""

from iaside_ui.workers.audits import AuditRunner
from iaside_ui.workers.checks import CheckPlan, CheckRunner
from iaside_ui.workers.examination import Examiner
from iaside_ui.workers.inspector import Inspector
from iaside_ui.workers.jobs import Jobs
from iaside_ui.workers.measurements import MeasurementPlan, MeasurementRunner
from iaside_ui.workers.pictures import CorruptedPictures
from iaside_ui.workers.thumbnails import Thumbnails
from iaside_ui.workers.warming import MODULES, Warming

__all__ = [
    "MODULES",
    "AuditRunner",
    "CheckPlan",
    "CheckRunner",
    "CorruptedPictures",
    "Examiner",
    "Inspector",
    "Jobs",
    "MeasurementPlan",
    "MeasurementRunner",
    "Thumbnails",
    "Warming",
]
