"""The audit that needs nothing of the user: the built-in model on the built-in photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from iaside_audit.choices import Estimator
from iaside_audit.classifier.catalogue import demo_images
from iaside_audit.spec import AuditSpec

DEMO_MODEL: Final = "efficientnet_lite0"
DEMO_PAIRS: Final = 4
"""With a dozen images, orders are worth averaging: they cost little beside an honest interval."""


def demo_spec() -> AuditSpec:
    """Return the specification of the demonstration."""
    return AuditSpec(
        model=Path(DEMO_MODEL),
        images=demo_images(),
        labels="self",
        estimator=Estimator.PERMUTATION,
        pairs=DEMO_PAIRS,
    )
