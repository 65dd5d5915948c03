"""The SNR of corruptions out of the rows of a measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iaside_audit.choices import Norm
from iaside_audit.errors import SpecError
from iaside_audit.robustness.corruptions.parameters import suite_for
from iaside_audit.robustness.curves import band_edges, frame_size
from iaside_audit.robustness.requests import SnrRequest
from iaside_audit.robustness.snr import summarise_snr
from iaside_audit.robustness.snr_run import SnrRun, SnrSpec
from iaside_audit.spectrum import BandMoments, make_rings, snr_decibels

if TYPE_CHECKING:
    from iaside_audit.robustness.measured import Measured


def measured_snr(measured: Measured) -> SnrRun:
    """Average the spectra of a measurement over its images, condition by condition.

    Parameters
    ----------
    measured : Measured
        Of an :class:`.SnrRequest`; images were compared at the frame of its specification.

    Raises
    ------
    SpecError
        If it is another measurement.
    """
    request = measured.request
    if not isinstance(request, SnrRequest):
        raise SpecError(f"Expected a measurement of SNR, found {request.kind}.")
    spec, arrays = measured.spec, measured.rows.arrays
    height, width = frame_size(measured)
    edges = band_edges(measured)
    rings = make_rings(height=height, width=width, norm=Norm(spec.norm))
    bands = snr_decibels(
        BandMoments(
            clean_power=arrays["clean_power"][:, None, :],
            cross=arrays["cross"],
            corrupted_power=arrays["corrupted_power"],
        )
    )
    return SnrRun(
        created=measured.created,
        spec=SnrSpec(
            images=spec.images,
            corruptions=request.names,
            severities=request.severities,
            size=height if height == width else "auto",
            bands=spec.bands,
            norm=Norm(spec.norm),
            spacing=spec.spacing,
            max_images=spec.max_images,
            seed=spec.seed,
            confidence=spec.confidence,
        ),
        size=(height, width),
        suite=suite_for(height, width).name,
        manifest_sha256=measured.data.manifest_sha256,
        results=tuple(
            summarise_snr(
                name,
                severity,
                bands=bands[:, place],
                rings=arrays["ring_db"][:, place].astype(np.float64),
                differences=arrays["difference"][:, place].astype(np.float64),
                edges=edges,
                radii=rings.radii,
                seed=spec.seed,
                confidence=spec.confidence,
            )
            for place, (name, severity) in enumerate(request.conditions)
        ),
        failed=measured.data.failed,
    )
