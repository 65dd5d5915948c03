"""Run an audit: plan it, lease images to a worker, estimate, and assemble the result.

============================  =================================================================
module                        what it holds
============================  =================================================================
``run``, ``stream``           :func:`run_audit` and :func:`audit`, the one entry; its thread
``supervisor``                the stages of an audit: model, data, plan, leases, result
``preparation``, ``model``    what comes before the first lease
``caveats``                   what a reader of the numbers must know, found out before it too
``plan``                      what will be done, settled before the first lease
``leases``                    leases out, rows in, estimates and the stop meanwhile
``executor``, ``attempts``    leases on workers; what is tried again, what is given up
``books``                     what all executors share
``cluster``                   a Dask cluster: connect to one, or start one on this machine
``dask_executor``             leases on a cluster, sent and collected
``cluster_worker``            what runs there: leases, on a child process that is kept
``parcels``                   files on their way to a cluster, by sha256
``workers``, ``wire``         a worker as the supervisor sees it, and how the two talk
``limits``                    what a worker may take: memory, model size, time
``tasks``                     what a worker does: inspect, open, settle, lease, trial, look, ...
``evaluate``, ``reference``   one lease: images in, rows out, in corrected and reference mode
``inputs``, ``settings``      from a photograph to the model's input; what decides the numbers
``keeping``                   where the rows are kept: the store, and the cache
``record``, ``recall``        what rows depend on, for the store; rows of earlier audits
``assemble``, ``conclude``    from value rows to the numbers of a result, and the result
``merge``                     shards of an audit, joined
``inspection``                what a model file is, before any audit
``assistant``, ``search``     which preprocessing a model was made for, found by trying
``choice``                    how preprocessings are compared, and the rule of choice
``examiner``, ``trials``      asking the model about preprocessings: here, and in the worker
``interactive``               a model to play with: one image and any coalition of its bands
``exploration``               what that is answered with
``explorer_child``            the child process it is done in; ``explorer``: a worker's part
``gallery``, ``profiles``     the images to look at; what one image says about its bands
``selfcheck``                 models and games of known answer through the whole chain
============================  =================================================================

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
