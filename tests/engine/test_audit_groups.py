"""Interactions, classes, outcomes and images follow from the rows, each by its definition."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import shapiq
from sample_results import sample_result

from iaside_audit.auditing.assemble import ImageProfiles, image_profiles
from iaside_audit.auditing.groups import (
    MAX_COEFFICIENTS,
    breakdown,
    class_profiles,
    image_records_of,
    interactions_record,
    moebius_codes,
    outcomes_record,
)
from iaside_audit.games import all_codes, shapley_values, unanimity_sum_game, value_table
from iaside_audit.rows import ValueRows
from iaside_audit.spec import AuditSpec, Estimator
from iaside_audit.statistics import importance

N_BANDS = 4
N_IMAGES = 30


def spec(**options: Any) -> AuditSpec:
    """Return a specification of a data set that is made up."""
    fixed = {"model": "m.onnx", "images": "i", "bands": N_BANDS, "estimator": "exact"}
    return AuditSpec(**(fixed | options))


def random_rows(n_images: int = N_IMAGES, *, seed: int = 0) -> ValueRows:
    """Return rows of all coalitions of four bands; labels 0 to 3, of which 3 is rare."""
    generator = np.random.default_rng(seed)
    codes = all_codes(N_BANDS)
    label = np.minimum(np.arange(n_images) % 7, 3)
    label[label == 3] = np.where(np.arange((label == 3).sum()) < 4, 3, 2)
    log_p = -generator.exponential(2, (n_images, codes.size))
    return ValueRows(
        index=np.arange(n_images),
        label=label,
        prediction=np.where(np.arange(n_images) % 3 == 0, label, label + 1),
        image_id=tuple(hashlib.sha256(str(one).encode()).hexdigest() for one in range(n_images)),
        path=tuple(f"{one}.png" for one in range(n_images)),
        coalitions=np.tile(codes, (n_images, 1)),
        log_p=log_p.astype(np.float32),
        best_other=(log_p - 1).astype(np.float32),
    )


def profiles_of(rows: ValueRows, one: AuditSpec | None = None) -> ImageProfiles:
    """Return what each image says."""
    return image_profiles(rows, one or spec(), Estimator.EXACT, labels_are_own=False)


def test_interactions_are_those_of_an_independent_library() -> None:
    """SII and Moebius coefficients of the mean table agree with shapiq's."""
    rows = random_rows()
    record = interactions_record(profiles_of(rows), spec())
    assert record is not None
    table = value_table(rows.coalitions[0], rows.log_p.astype(np.float64), n_players=N_BANDS)
    mean = table.mean(axis=0)

    def game(coalitions: np.ndarray) -> np.ndarray:
        return mean[np.asarray(coalitions) @ (1 << np.arange(N_BANDS))]

    computer = shapiq.ExactComputer(game, n_players=N_BANDS)
    pairs, moebius = computer("SII", order=2), computer("Moebius")
    for one in range(N_BANDS):
        for other in range(N_BANDS):
            expected = 0.0 if one == other else pairs[tuple(sorted((one, other)))]
            assert record.matrix[one][other] == pytest.approx(expected, abs=1e-6)
    assert record.moebius_order == N_BANDS
    assert len(record.moebius) == 2**N_BANDS
    for part in record.moebius[1:]:
        assert part.value == pytest.approx(moebius[part.bands], abs=1e-6), part.bands
    assert record.moebius[0].value == pytest.approx(mean[0], abs=1e-6)


def test_interaction_intervals_cover_at_their_rate() -> None:
    """Around a known game with noise of images, 95 % intervals miss about one time in twenty.

    All pairs of 40 data sets are 240 intervals, dependent within a data set; between 88 % and
    99 % of them is what a rate of 95 % leaves nearly always.
    """
    game = unanimity_sum_game({(0,): 2.0, (0, 1): 1.5, (1, 2, 3): -1.0}, n_players=N_BANDS)
    generator = np.random.default_rng(1)
    hits = []
    for _ in range(40):
        table = game.values + generator.normal(0, 1, (60, game.values.size))
        profiles = ImageProfiles(
            shapley=shapley_values(table, n_players=N_BANDS),
            empty=table[:, 0],
            grand=table[:, -1],
            correct=np.ones(60),
            table=table,
        )
        record = interactions_record(profiles, spec())
        assert record is not None
        low, high = np.moveaxis(np.array(record.interval), -1, 0)
        upper = np.triu_indices(N_BANDS, 1)
        hits.append(((low <= game.pair_interactions) & (game.pair_interactions <= high))[upper])
    assert 0.88 <= np.mean(hits) <= 0.99


@pytest.mark.parametrize(("n_bands", "order"), [(2, 2), (8, 8), (9, 4), (10, 3), (16, 2)])
def test_coefficients_stay_few(n_bands: int, order: int) -> None:
    """All coefficients up to 8 bands; beyond, the largest order of which at most 256 exist."""
    codes, found = moebius_codes(n_bands)
    assert found == order
    assert len(set(codes.tolist())) == codes.size <= MAX_COEFFICIENTS
    sizes = np.bitwise_count(codes)
    assert (np.diff(sizes) >= 0).all()
    assert sizes.max() == order


def test_rows_of_walks_have_no_interactions() -> None:
    """Without every coalition there is no interaction index."""
    profiles = replace(profiles_of(random_rows()), table=None)
    assert interactions_record(profiles, spec()) is None


def test_classes_are_means_over_their_own_images() -> None:
    """A class of at least five images has the profile of those images; a smaller one has none."""
    rows = random_rows()
    profiles = profiles_of(rows)
    names = ("tench", "goldfish", "shark", "ray")
    classes = class_profiles(profiles, rows.label, spec(), names=names)
    assert classes is not None
    assert [one.label for one in classes] == [0, 1, 2]
    assert [one.name for one in classes] == list(names[:3])
    for one in classes:
        chosen = rows.label == one.label
        mean = profiles.shapley[chosen].mean(axis=0)
        assert one.n_images == chosen.sum()
        np.testing.assert_allclose(one.shapley, mean, atol=1e-12)
        np.testing.assert_allclose(one.importance, importance(mean), atol=1e-12)
        assert one.top1 == pytest.approx(profiles.correct[chosen].mean())
        for value, (low, high) in zip(one.shapley, one.interval, strict=True):
            assert low < value < high


def test_outcomes_are_right_against_wrong() -> None:
    """The difference is that of the two groups' profiles, inside its interval."""
    rows = random_rows()
    profiles = profiles_of(rows)
    record = outcomes_record(profiles, spec())
    assert record is not None
    assert record.correct.n_images + record.wrong.n_images == N_IMAGES
    assert (record.correct.top1, record.wrong.top1) == (1.0, 0.0)
    expected = np.subtract(record.correct.shapley, record.wrong.shapley)
    np.testing.assert_allclose(record.difference.shapley, expected, atol=1e-12)
    low, high = np.array(record.difference.interval).T
    assert ((low < expected) & (expected < high)).all()
    assert record.difference.signed == record.correct.signed - record.wrong.signed


def test_own_labels_and_few_mistakes_have_no_outcomes() -> None:
    """Right and wrong need labels, and at least five images of each."""
    profiles = profiles_of(random_rows())
    unknown = replace(profiles, correct=np.full(N_IMAGES, np.nan))
    few = replace(profiles, correct=(np.arange(N_IMAGES) >= 4).astype(float))
    assert outcomes_record(unknown, spec()) is None
    assert outcomes_record(few, spec()) is None


def test_a_result_without_its_images_reads_them_from_its_rows() -> None:
    """Beyond a thousand images the rows say the same as the list would."""
    rows = random_rows()
    parts = breakdown(rows, profiles_of(rows), spec(), names=None)
    result = replace(sample_result(N_BANDS, estimator="exact"), row_source=lambda: rows)
    exact = replace(result, estimator=replace(result.estimator, kind="exact"))
    assert image_records_of(exact) == parts["images"]
    assert image_records_of(replace(exact, images=parts["images"])) is parts["images"]
