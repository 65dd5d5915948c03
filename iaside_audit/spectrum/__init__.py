"""The spectrum of an image: bands, band images, baselines, mixtures; numpy in, numpy out.

======================  ============================================================
Where                   What
======================  ============================================================
:mod:`.partition`       which band each spatial frequency belongs to
:mod:`.decomposition`   an image cut into the images of its bands
:mod:`.baselines`       what stands in for an absent band; the data set's statistics
:mod:`.mixing`          the images of coalitions, as one matrix product
:mod:`.moments`         second moments of an image and its corrupted copy, by band
:mod:`.gains`           how much of each band a perturbation leaves
:mod:`.snr`             the signal-to-noise ratio of a corruption over frequency, its decay
:mod:`.reference`       the authors' published filter, used by reference mode only
======================  ============================================================

Images are float32, shape (C, H, W), uint8 / 255, before the model's normalisation. Transforms are
unnormalised (``norm="backward"``). The mathematics is METHOD.md, sections 1, 2 and 7.
"""

from __future__ import annotations

from iaside_audit.spectrum.baselines import (
    Baseline,
    BaselineNeeds,
    DatasetStatistics,
    StatisticsAccumulator,
    baseline_needs,
    draw_baseline,
)
from iaside_audit.spectrum.decomposition import decompose
from iaside_audit.spectrum.gains import Gain, band_gains
from iaside_audit.spectrum.mixing import affine_normalise, components, mix
from iaside_audit.spectrum.moments import BandMoments, band_moments, moments_by_index
from iaside_audit.spectrum.partition import Partition, full_band_map, make_partition
from iaside_audit.spectrum.reference import ReferenceFilter, reference_windows
from iaside_audit.spectrum.snr import (
    MAX_DECIBELS,
    PowerLaw,
    Rings,
    fit_power_law,
    make_rings,
    power_law_exponents,
    ring_moments,
    snr_decibels,
)

__all__ = [
    "MAX_DECIBELS",
    "BandMoments",
    "Baseline",
    "BaselineNeeds",
    "DatasetStatistics",
    "Gain",
    "Partition",
    "PowerLaw",
    "ReferenceFilter",
    "Rings",
    "StatisticsAccumulator",
    "affine_normalise",
    "band_gains",
    "band_moments",
    "baseline_needs",
    "components",
    "decompose",
    "draw_baseline",
    "fit_power_law",
    "full_band_map",
    "make_partition",
    "make_rings",
    "mix",
    "moments_by_index",
    "power_law_exponents",
    "reference_windows",
    "ring_moments",
    "snr_decibels",
]
