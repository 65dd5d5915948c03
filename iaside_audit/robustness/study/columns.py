"""Predictors and measured figures of every model, over any part of the images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.robustness.carrying import carrying_sentence, loss_shares
from iaside_audit.robustness.copies import gains_of
from iaside_audit.robustness.errors_by_corruption import alexnet_errors, is_published_suite
from iaside_audit.robustness.prediction import (
    ALL_FORMS,
    DEFAULT_FORM,
    VALUES,
    PredictionForm,
    game_rows,
    loss_by_band,
    predicted_losses,
)
from iaside_audit.statistics import (
    anchored_score,
    importance,
    paper_score,
    signed_score,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from iaside_audit.robustness.study.collect import ModelRows
    from iaside_audit.types import FloatMatrix, FloatVector

CLEAN_ERROR: Final = "clean_error"
MIDPOINT: Final = "midpoint"
CORRUPTION_ERROR: Final = "corruption_error"
ADDED_ERROR: Final = "added_error"
LOG_LOSS: Final = "log_loss"
ATTACK_ERROR: Final = "attack_error"
MCE_ALEXNET: Final = "mce_alexnet"
RELATIVE_MCE_ALEXNET: Final = "relative_mce_alexnet"
IMAGENET_CLASSES: Final = (1000, 1001)
"""Outputs of a classifier of ImageNet's classes, without and with a background."""
HIGHER_IS_BETTER: Final = ("paper", "signed", "comparable", "v_all")
"""Predictors that should fall where the measured error rises, beside phi of every band."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelTable:
    """All numbers of one model, image by image; images shared by audit and measurements.

    Parameters
    ----------
    id, lineage : str
        As in the study.
    position : float or None
        The same.
    image_id : tuple of str
        The n images, in the canonical order.
    shapley : (n, n_bands) float64
        In nats.
    audited_shapley : (n_audited, n_bands) float64
        The same of all audited images, which may be more.
    empty, grand : mapping of value function to (n,) float64
        Values of the empty and the grand coalition.
    predicted : mapping of PredictionForm to (n, n_conditions) float64
        Losses.
    clean_wrong : (n,) float64
        1 where the unchanged image is wrong.
    wrong, log_loss : (n, n_conditions) float64
        Measured under each condition.
    broken : (n_attacked, n_radii) float64 or None
        1 where the attack succeeds or the image is wrong before it.
    beta : float
        Of the scores.
    has_imagenet_classes : bool
        Whether AlexNet's published errors are of the same task.
    conditions : tuple of (str, int)
        Corruption and severity of each condition.
    band_losses : (n_conditions, n_bands) float64
        What each band adds to the predicted log-loss, in the default form.
    """

    id: str
    lineage: str
    position: float | None
    image_id: tuple[str, ...]
    shapley: FloatMatrix
    audited_shapley: FloatMatrix
    empty: Mapping[str, FloatVector]
    grand: Mapping[str, FloatVector]
    predicted: Mapping[PredictionForm, FloatMatrix]
    clean_wrong: FloatVector
    wrong: FloatMatrix
    log_loss: FloatMatrix
    broken: FloatMatrix | None
    beta: float
    has_imagenet_classes: bool
    conditions: tuple[tuple[str, int], ...]
    band_losses: FloatMatrix

    def __len__(self) -> int:
        return len(self.image_id)

    def sentences(self, n_worst: int = 3) -> list[str]:
        """Say which bands carry the predicted loss: of the suite, and of the worst conditions."""
        by_condition = self.band_losses.sum(axis=1)
        said = [
            carrying_sentence(
                "all corruptions", loss_shares(self.band_losses.mean(axis=0)).tolist()
            )
        ]
        for place in np.argsort(-by_condition)[:n_worst].tolist():
            name, severity = self.conditions[place]
            title = f"{name.replace('_', ' ')}, severity {severity}"
            said.append(carrying_sentence(title, loss_shares(self.band_losses[place]).tolist()))
        return said

    def forms(self) -> tuple[PredictionForm, ...]:
        """Return the forms that the audit allows."""
        return tuple(self.predicted)

    def predictors(self, chosen: NDArray[np.intp] | slice = slice(None)) -> dict[str, float]:
        """Return every predictor over the chosen images, by name.

        Over all of them, phi and the scores are those of the whole audit.
        """
        is_whole = isinstance(chosen, slice)
        shapley = (self.audited_shapley if is_whole else self.shapley[chosen]).mean(axis=0)
        profile = importance(shapley)
        grand, empty = (
            {value: float(rows[value][chosen].mean()) for value in VALUES}
            for rows in (self.grand, self.empty)
        )
        numbers = {
            "paper": float(paper_score(profile, beta=self.beta)),
            "signed": float(signed_score(profile, beta=self.beta)),
            "comparable": float(anchored_score(profile, beta=self.beta)),
            **{f"phi_{band}": float(phi) for band, phi in enumerate(shapley)},
            "v_all": grand["log-probability"],
            CLEAN_ERROR: float(self.clean_wrong[chosen].mean()),
            MIDPOINT: -(grand["log-probability"] + empty["log-probability"]) / 2,
            f"{MIDPOINT}_error": 1 - (grand["accuracy"] + empty["accuracy"]) / 2,
        }
        return numbers | {
            form.name: float(losses[chosen].mean()) for form, losses in self.predicted.items()
        }

    def measured(self, chosen: NDArray[np.intp] | slice = slice(None)) -> dict[str, float]:
        """Return every measured figure over the chosen images, by name."""
        error = float(self.wrong[chosen].mean())
        numbers = {
            CORRUPTION_ERROR: error,
            ADDED_ERROR: error - float(self.clean_wrong[chosen].mean()),
            LOG_LOSS: float(self.log_loss[chosen].mean()),
        }
        numbers |= self._by_alexnet(chosen)
        if self.broken is not None and isinstance(chosen, slice):
            numbers[ATTACK_ERROR] = float(self.broken.mean(axis=0)[-1])
        return numbers

    def _by_alexnet(self, chosen: NDArray[np.intp] | slice) -> dict[str, float]:
        """Return the two means by AlexNet's published errors, where they apply."""
        if not (self.has_imagenet_classes and is_published_suite(self.conditions)):
            return {}
        alexnet_clean, published = alexnet_errors()
        errors = self.wrong[chosen].mean(axis=0)
        clean = float(self.clean_wrong[chosen].mean())
        ce = {
            name: float(
                np.mean([errors[i] for i, (one, _) in enumerate(self.conditions) if one == name])
            )
            for name in published
        }
        return {
            MCE_ALEXNET: float(np.mean([ce[name] / published[name] for name in ce])),
            RELATIVE_MCE_ALEXNET: float(
                np.mean([(ce[name] - clean) / (published[name] - alexnet_clean) for name in ce])
            ),
        }


def direction(predictor: str) -> int:
    """Return 1 where a predictor should rise with the measured error, -1 where it should fall."""
    return -1 if predictor in HIGHER_IS_BETTER or predictor.startswith("phi_") else 1


def model_table(rows: ModelRows) -> ModelTable:
    """Compute all numbers of one model from its rows."""
    place = {image: i for i, image in enumerate(rows.corruptions.image_id)}
    in_audit = np.array([i for i, one in enumerate(rows.audit.image_id) if one in place])
    image_ids = tuple(rows.audit.image_id[i] for i in in_audit)
    in_corruptions = np.array([place[one] for one in image_ids])
    whole = {
        value: game_rows(
            rows.audit, n_bands=rows.model.audit.bands, estimator=rows.estimator, value=value
        )
        for value in VALUES
    }
    games = {value: game.at(in_audit) for value, game in whole.items()}
    arrays = rows.corruptions.arrays
    gains = gains_of(arrays, in_corruptions)
    predicted = {
        one: predicted_losses(games[one.value], gains[one.gain], one)
        for one in ALL_FORMS
        if one.form in games[one.value].forms
    }
    margin = rows.corruptions.margin()[in_corruptions]
    log_p = arrays["log_p"][in_corruptions].astype(np.float64)
    broken = None
    if rows.attack is not None:
        broken = (rows.attack.arrays["margin"] <= 0).astype(np.float64)
    return ModelTable(
        id=rows.model.id,
        lineage=rows.model.lineage,
        position=rows.model.position,
        image_id=image_ids,
        shapley=games["log-probability"].shapley,
        audited_shapley=whole["log-probability"].shapley,
        empty={value: game.empty for value, game in games.items()},
        grand={value: game.grand for value, game in games.items()},
        predicted=predicted,
        clean_wrong=(rows.corruptions.margin("clean_")[in_corruptions] <= 0).astype(np.float64),
        wrong=(margin <= 0).astype(np.float64),
        log_loss=-log_p,
        broken=broken,
        beta=rows.model.audit.beta,
        has_imagenet_classes=rows.n_classes in IMAGENET_CLASSES,
        conditions=rows.conditions,
        band_losses=loss_by_band(games[DEFAULT_FORM.value], gains[DEFAULT_FORM.gain]).mean(axis=0),
    )
