"""Predicted losses against games whose answer is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iaside_audit.games import coalition_matrix, shapley_values
from iaside_audit.robustness.carrying import carrying_bands, carrying_sentence, loss_shares
from iaside_audit.robustness.predicted_loss import MeasuredOutcomes, Scope, predict
from iaside_audit.robustness.prediction import Form, GameRows, loss_by_band, predicted_values
from iaside_audit.spectrum import Gain

if TYPE_CHECKING:
    from iaside_audit.types import FloatMatrix

N_BANDS = 3


def rows_of(tables: FloatMatrix) -> GameRows:
    """Return the rows of images whose value tables are given."""
    return GameRows(
        empty=tables[:, 0],
        grand=tables[:, -1],
        shapley=shapley_values(tables, n_players=N_BANDS),
        table=tables,
    )


@pytest.fixture
def rows() -> GameRows:
    """Return the rows of five images with interactions between bands."""
    return rows_of(np.random.default_rng(1).normal(size=(5, 1 << N_BANDS)))


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("gain", [0.0, 1.0])
def test_predictions_are_exact_where_all_is_left_or_nothing(
    rows: GameRows, form: Form, gain: float
) -> None:
    """With every band gone the empty value is predicted, with every band there the grand one."""
    values = predicted_values(rows, np.full((5, 1, N_BANDS), gain), form)
    expected = rows.grand if gain else rows.empty
    np.testing.assert_allclose(values[:, 0], expected, atol=1e-12)


def test_multilinear_predictions_are_exact_at_every_corner(rows: GameRows) -> None:
    """A perturbation that removes some bands whole is a coalition, whose value is known."""
    corners = coalition_matrix(np.arange(8, dtype=np.uint32), n_players=N_BANDS).astype(float)
    gains = np.broadcast_to(corners, (5, 8, N_BANDS))
    np.testing.assert_allclose(predicted_values(rows, gains, Form.MULTILINEAR), rows.table)


@given(st.integers(0, 2**32 - 1))
def test_both_forms_agree_on_additive_games(seed: int) -> None:
    """Without interactions there is nothing for the table to add."""
    generator = np.random.default_rng(seed)
    members = coalition_matrix(np.arange(8, dtype=np.uint32), n_players=N_BANDS)
    rows = rows_of(generator.normal(size=(4, 1)) + generator.normal(size=(4, 3)) @ members.T)
    gains = generator.uniform(size=(4, 6, N_BANDS))
    additive, multilinear = (predicted_values(rows, gains, form) for form in Form)
    np.testing.assert_allclose(additive, multilinear, atol=1e-12)


def test_the_midpoint_is_the_prediction_of_half_of_every_band(rows: GameRows) -> None:
    """The predictor without a spectrum is the additive form at w = 1/2."""
    halves = predicted_values(rows, np.full((5, 1, N_BANDS), 0.5), Form.ADDITIVE)
    np.testing.assert_allclose(rows.midpoint(), halves[:, 0])


def test_the_bands_losses_add_up_to_the_loss(rows: GameRows) -> None:
    """What the bands add is what the prediction falls below the value of the clean image."""
    gains = np.random.default_rng(2).uniform(size=(5, 4, N_BANDS))
    fall = rows.grand[:, None] - predicted_values(rows, gains, Form.ADDITIVE)
    np.testing.assert_allclose(loss_by_band(rows, gains).sum(axis=-1), fall)


def games_of(rows: GameRows) -> dict[str, GameRows]:
    """Return the same rows as those of both value functions."""
    return {"log-probability": rows, "accuracy": rows}


def same_gains(gains: FloatMatrix) -> dict[Gain, FloatMatrix]:
    """Return the same gains as those of every kind."""
    return dict.fromkeys(Gain, gains)


def test_a_predicted_loss_has_its_parts() -> None:
    """One band of weight 2, half of it left: a loss of 1 beyond the clean one, all from there."""
    members = coalition_matrix(np.arange(8, dtype=np.uint32), n_players=N_BANDS)
    rows = rows_of(np.tile(-3 + members @ np.array([0.0, 2.0, 0.0]), (6, 1)))
    gains = np.full((6, 1, N_BANDS), 0.5)
    prediction = predict(
        games_of(rows), same_gains(gains), [("fog", 3)], seed=0, confidence=0.95, n_resamples=20
    )
    assert len(prediction.forms) == 16
    for form in ("additive", "multilinear"):
        one = prediction.form(f"predicted_log_loss_{form}_root").of(Scope(corruption="fog"))
        assert one.loss.value == pytest.approx(2)
        assert one.loss.interval == pytest.approx((2, 2))
        assert one.added.value == pytest.approx(1)
        assert one.shares == pytest.approx((0, 1, 0))
        assert one.sentence == "fog: 100 % of the predicted loss comes from band 1"
    assert prediction.clean["log-probability"].value == pytest.approx(1)
    assert prediction.midpoint["log-probability"].value == pytest.approx(2)
    assert prediction.midpoint["accuracy"].value == pytest.approx(1 + 2)  # 1 less a value of -2


def test_the_suite_is_the_mean_over_corruptions_whatever_their_severities(rows: GameRows) -> None:
    """As mCE has it: a corruption measured at three severities counts as one."""
    conditions = [("fog", 1), ("fog", 3), ("fog", 5), ("snow", 2)]
    gains = np.random.default_rng(3).uniform(size=(5, 4, N_BANDS))
    form = predict(
        games_of(rows), same_gains(gains), conditions, seed=0, confidence=0.95, n_resamples=20
    ).form("predicted_log_loss_additive_snr")
    by_condition = [form.of(Scope(corruption=n, severity=k)).loss.value for n, k in conditions]
    fog = np.mean(by_condition[:3])
    assert form.of(Scope(corruption="fog")).loss.value == pytest.approx(fog)
    assert form.of(Scope()).loss.value == pytest.approx((fog + by_condition[3]) / 2)


def test_a_prediction_is_held_against_what_was_measured() -> None:
    """Errors that are the predicted ones are followed with r = 1, those turned over with -1."""
    generator = np.random.default_rng(4)
    members = coalition_matrix(np.arange(8, dtype=np.uint32), n_players=N_BANDS)
    rows = rows_of(np.tile(members @ np.array([0.1, 0.5, 0.3]), (40, 1)))
    gains = generator.uniform(size=(40, 6, N_BANDS))
    losses = -predicted_values(rows, gains, Form.ADDITIVE)
    conditions = [(name, level) for name in ("fog", "snow") for level in (1, 3, 5)]
    prediction = predict(
        games_of(rows),
        same_gains(gains),
        conditions,
        seed=0,
        confidence=0.95,
        measured=MeasuredOutcomes(wrong=losses, log_loss=-losses),
        n_resamples=50,
    )
    assert prediction.measured is not None
    one = prediction.measured.following[0]
    assert one.error.value == pytest.approx(1)
    assert one.error.interval == pytest.approx((1, 1))
    assert one.log_loss.value == pytest.approx(-1)
    assert prediction.measured.error[Scope()].value == pytest.approx(losses.mean())


def test_the_interval_of_a_predicted_loss_covers_its_mean_over_images() -> None:
    """The bootstrap over images covers a known mean about as often as it says."""
    n_covered = 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        empty = generator.normal(-2, 1, size=60)
        shapley = generator.normal(0.5, 0.5, size=(60, N_BANDS))
        rows = GameRows(empty=empty, grand=empty + shapley.sum(axis=1), shapley=shapley, table=None)
        gains = generator.uniform(size=(60, 2, N_BANDS))
        suite = (
            predict(
                games_of(rows),
                same_gains(gains),
                [("fog", 1), ("fog", 2)],
                seed=seed,
                confidence=0.95,
                n_resamples=400,
            )
            .forms[0]
            .losses[0]
        )
        low, high = suite.loss.interval
        n_covered += low <= 2 - 0.75 <= high
    assert 180 <= n_covered <= 199  # 95 % of 200 within about 3 standard deviations


def test_rows_without_a_table_allow_the_additive_form_only(rows: GameRows) -> None:
    """Permutation audits walk too few coalitions for the multilinear form."""
    without = GameRows(empty=rows.empty, grand=rows.grand, shapley=rows.shapley, table=None)
    assert without.forms == (Form.ADDITIVE,)
    with pytest.raises(ValueError, match="all coalitions"):
        predicted_values(without, np.ones((5, 1, N_BANDS)), Form.MULTILINEAR)


@pytest.mark.parametrize(
    ("shares", "run"),
    [
        ([0.6, 0.2, 0.2], (0, 0)),
        ([0.3, 0.4, 0.3], (0, 1)),
        ([0.2, 0.3, 0.5], (2, 2)),
        ([-0.1, 0.3, 0.4, 0.4], (2, 3)),
        ([0.25, 0.0, 0.0, 0.45, 0.3], (3, 4)),
    ],
)
def test_the_shortest_run_that_carries_half_is_named(
    shares: list[float], run: tuple[int, int]
) -> None:
    """Of equally short runs of bands, the one that carries most is named."""
    assert carrying_bands(shares) == run


def test_bands_that_help_have_no_share_in_a_loss() -> None:
    """Shares add up to 1, whatever cancels what; where nothing is lost there are none."""
    np.testing.assert_allclose(loss_shares(np.array([-2.9, 1.0, 2.0])), [0, 1 / 3, 2 / 3])
    assert np.isnan(loss_shares(np.array([-1.0, 0.0]))).all()


def test_the_sentence_names_the_bands() -> None:
    """The sentence gives the share in whole per cent, and says where there is nothing to share."""
    assert carrying_sentence("fog", [0.8, 0.1, 0.1]).endswith(
        "80 % of the predicted loss comes from band 0"
    )
    assert carrying_sentence("fog", [np.nan] * 3) == "fog: no loss is predicted"
