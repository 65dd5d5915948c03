"""Run an audit: plan it, lease images to a worker, estimate, and assemble the result.

==========================  ===================================================================
module                      what it holds
==========================  ===================================================================
``run``, ``stream``         :func:`run_audit` and :func:`audit`, the one entry; its thread
``supervisor``              the stages of an audit: model, data, plan, leases, result
``preparation``             what comes before the first lease
``caveats``                 what a reader of the numbers must know, found out before it too
``model``, ``inspection``   the model, opened in its worker; what its file is, before any audit
``plan``                    what will be done, settled before the first lease
``pilot``, ``forecast``     what it will take: from a few images, and before any model runs
``leases``                  leases out, rows in, estimates and the stop meanwhile
``executor``, ``attempts``  leases on workers; what is tried again, what is given up
``books``                   what all executors share
``workers``, ``wire``       a worker as the supervisor sees it, and how the two talk
``limits``                  what a worker may take: memory, model size, time
``keeping``, ``recall``     the store and the cache; rows of earlier audits
``stability``               an audit repeated under other settings
``selfcheck``               models and games of known answer through the whole chain
``demo``                    the built-in model on the built-in photographs
==========================  ===================================================================

Its rooms:

================  =============================================================================
``evaluation``    what a worker does with a model and images, in a process of its own
``assistant``     which preprocessing a model was made for, found by trying
``outcome``       from the rows to the result, to differences of results, and to thresholds
``cluster``       leases on the workers of a Dask cluster
``inspector``     one model and one image at a time, for somebody who waits
``verification``  whether a result holds: its numbers, its model, its images, its rows
================  =============================================================================

:func:`audit` and :func:`run_audit` are imported when first used: a worker process loads modules of
this package and has no use for what runs an audit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iaside_audit.auditing.run import audit, run_audit

__all__ = ["audit", "run_audit"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from iaside_audit.auditing import run  # noqa: PLC0415

        return getattr(run, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
