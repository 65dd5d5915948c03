"""What must not run in the window's thread.

============================  =================================================================
``audits``                    one audit at a time, in a thread of its own
``examination``               model, images and plan of a form; the preprocessing assistant
``inspector``                 the interactive classifier
``jobs``                      short jobs: reading a result, writing a report
``thumbnails``                small pictures, made when they are first looked at
============================  =================================================================
"""

from iaside_ui.workers.audits import AuditRunner, AuditWorker
from iaside_ui.workers.examination import Examiner
from iaside_ui.workers.inspector import Inspector
from iaside_ui.workers.jobs import Jobs
from iaside_ui.workers.thumbnails import Thumbnails

__all__ = ["AuditRunner", "AuditWorker", "Examiner", "Inspector", "Jobs", "Thumbnails"]
