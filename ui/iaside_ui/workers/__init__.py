"""What must not run in the window's thread.

============================  =================================================================
``audits``                    one audit at a time, in a thread of its own
``jobs``                      short jobs: reading a result, writing a report
============================  =================================================================
"""

from iaside_ui.workers.audits import AuditRunner, AuditWorker
from iaside_ui.workers.jobs import Jobs

__all__ = ["AuditRunner", "AuditWorker", "Jobs"]
