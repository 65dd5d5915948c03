"""The forecast of an audit is the plan that the audit then settles."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from audit_material import convnet_spec, events_here

from iaside_audit.auditing.forecast import forecast, input_bytes
from iaside_audit.events import Planned
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"estimator": "exact"},
        {"estimator": "auto", "bands": 4, "pairs": 3},
        {"baseline": "noise"},
        {"budget": 30},
        {"max_images": 3},
        {"mode": "reference", "estimator": "auto", "reference_batch": 4},
    ],
    ids=str,
)
def test_forecast_is_what_the_audit_plans(tmp_path: Path, options: dict[str, Any]) -> None:
    """Estimator, images, evaluations and pairs in vain are those of the event ``Planned``."""
    spec = convnet_spec(tmp_path, n_images=6, **options)
    events = events_here(spec)
    planned = next(event for event in events if isinstance(event, Planned))
    events.close()
    found = forecast(spec, 6)
    assert found.estimator.value == planned.estimator
    assert found.n_images == planned.n_images
    assert found.evaluations_per_image == planned.evaluations_per_image
    assert found.n_evaluations == planned.n_evaluations
    assert found.unused_pairs == planned.unused_pairs == options.get("pairs", 0)


def test_memory_grows_with_bands_and_batch() -> None:
    """More bands hold more components, larger batches more coalitions."""
    spec = AuditSpec(model="m.onnx", images="i")  # type: ignore[arg-type]
    least = input_bytes(spec, (3, 224, 224), batch=8)
    assert least > 8 * 3 * 224 * 224 * 4
    assert input_bytes(replace(spec, bands=16), (3, 224, 224), batch=8) > least
    assert input_bytes(spec, (3, 224, 224), batch=32) > least
