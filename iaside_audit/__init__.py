"""I-ASIDE Audit: how robust is an ONNX image classifier, and why.

The names below are the public interface; each is imported when first used, so that importing the
package costs nothing.

>>> import iaside_audit as ia
>>> ia.AuditSpec(model="model.onnx", images="photos").bands
8
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from iaside_audit._version import __version__

if TYPE_CHECKING:
    from iaside_audit.auditing import audit, run_audit
    from iaside_audit.errors import (
        IASideError,
        ImageError,
        InferenceError,
        ModelError,
        ReportError,
        SignatureError,
        SpecError,
        StoreError,
    )
    from iaside_audit.events import (
        AuditCancelled,
        Cancelled,
        Control,
        Estimate,
        Event,
        Finished,
        ImageDone,
        ImageFailed,
        Planned,
        Preparing,
        Warned,
    )
    from iaside_audit.preprocessing import Preprocessing
    from iaside_audit.report import load_result
    from iaside_audit.result import AuditResult
    from iaside_audit.spec import AuditSpec

_HOMES = {
    "iaside_audit.auditing": ("audit", "run_audit"),
    "iaside_audit.errors": (
        "IASideError",
        "ImageError",
        "InferenceError",
        "ModelError",
        "ReportError",
        "SignatureError",
        "SpecError",
        "StoreError",
    ),
    "iaside_audit.events": (
        "AuditCancelled",
        "Cancelled",
        "Control",
        "Estimate",
        "Event",
        "Finished",
        "ImageDone",
        "ImageFailed",
        "Planned",
        "Preparing",
        "Warned",
    ),
    "iaside_audit.preprocessing": ("Preprocessing",),
    "iaside_audit.report": ("load_result",),
    "iaside_audit.result": ("AuditResult",),
    "iaside_audit.spec": ("AuditSpec",),
}

__all__ = [
    "AuditCancelled",
    "AuditResult",
    "AuditSpec",
    "Cancelled",
    "Control",
    "Estimate",
    "Event",
    "Finished",
    "IASideError",
    "ImageDone",
    "ImageError",
    "ImageFailed",
    "InferenceError",
    "ModelError",
    "Planned",
    "Preparing",
    "Preprocessing",
    "ReportError",
    "SignatureError",
    "SpecError",
    "StoreError",
    "Warned",
    "__version__",
    "audit",
    "load_result",
    "run_audit",
]


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
