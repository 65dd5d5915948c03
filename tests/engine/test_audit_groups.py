"""Interactions, classes, outcomes and images follow from the rows, each by its definition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up_rows import N_BANDS, N_IMAGES, made_up_spec, profiles_of, random_rows
from sample_results import sample_result

from iaside_audit.auditing.outcome.assemble import ImageProfiles
from iaside_audit.auditing.outcome.groups import (
    MAX_COEFFICIENTS,
    breakdown,
    class_profiles,
    image_records_of,
    interactions_record,
    moebius_codes,
    outcomes_record,
)
from iaside_audit.games import shapley_values, unanimity_sum_game
from iaside_audit.statistics import importance


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
        record = interactions_record(profiles, made_up_spec())
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
    assert interactions_record(profiles, made_up_spec()) is None


def test_classes_are_means_over_their_own_images() -> None:
    """A class of at least five images has the profile of those images; a smaller one has none."""
    rows = random_rows()
    profiles = profiles_of(rows)
    names = ("tench", "goldfish", "shark", "ray")
    classes = class_profiles(profiles, rows.label, made_up_spec(), names=names)
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
    record = outcomes_record(profiles, made_up_spec())
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
    assert outcomes_record(unknown, made_up_spec()) is None
    assert outcomes_record(few, made_up_spec()) is None


def test_a_result_without_its_images_reads_them_from_its_rows() -> None:
    """Beyond a thousand images the rows say the same as the list would."""
    rows = random_rows()
    parts = breakdown(rows, profiles_of(rows), made_up_spec(), names=None)
    result = replace(sample_result(N_BANDS, estimator="exact"), row_source=lambda: rows)
    exact = replace(result, estimator=replace(result.estimator, kind="exact"))
    assert image_records_of(exact) == parts["images"]
    assert image_records_of(replace(exact, images=parts["images"])) is parts["images"]
