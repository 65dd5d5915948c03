"""What is known of an audit before it runs: its model, its images, its size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from iaside_audit.report import format_size, rough_duration
from iaside_ui.state.words import tr

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from iaside_audit.auditing.assistant.assist import Assistance
    from iaside_audit.auditing.assistant.choice import Trial
    from iaside_audit.auditing.forecast import Forecast
    from iaside_audit.auditing.inspection import Inspection
    from iaside_audit.events import Stage
    from iaside_ui.state.form import Form


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examination:
    """What was found out about a form.

    Parameters
    ----------
    form : Form
        What was looked at.
    faults : dict of str to str
        What is wrong, by field.
    n_images : int or None
        Found; None where they are not known.
    inspection : Inspection or None
        Of the model file; None where it could not be read.
    forecast : Forecast or None
        The size of the audit.
    input_bytes : int or None
        Memory for images and coalitions.
    rate : float or None
        Evaluations a second of the last audit of this model here.
    has_rows : bool
        Whether the folder that keeps the result holds rows already.
    """

    form: Form
    faults: dict[str, str] = field(default_factory=dict)
    n_images: int | None = None
    inspection: Inspection | None = None
    forecast: Forecast | None = None
    input_bytes: int | None = None
    rate: float | None = None
    has_rows: bool = False

    def sentences(self) -> tuple[str, ...]:
        """Say what the audit will take, a sentence each."""
        found = []
        if self.inspection is not None:
            found.append(_model_sentence(self.inspection))
            found.append(_preprocessing_sentence(self.inspection))
        if self.n_images is not None:
            found.append(tr("Images found: {n}.").format(n=self.n_images))
        if self.forecast is not None:
            plan = self.forecast
            found.append(
                tr(
                    "{estimator} estimator: {n} images, {total} evaluations ({each} an image)."
                ).format(
                    estimator=plan.estimator.value.capitalize(),
                    n=plan.n_images,
                    total=f"{plan.n_evaluations:,}",
                    each=plan.evaluations_per_image,
                )
            )
            if plan.unused_pairs:
                found.append(unused_pairs_sentence(plan.unused_pairs))
            found.append(self._time_sentence(plan))
        if self.has_rows:
            found.append(self._rows_sentence())
        if self.input_bytes is not None and self.inspection is not None:
            found.append(
                tr(
                    "Memory: about {size} for images and coalitions, beside the model ({model} on "
                    "disk) and its layers."
                ).format(
                    size=format_size(self.input_bytes),
                    model=format_size(self.inspection.size_bytes),
                )
            )
        return tuple(found)

    def _rows_sentence(self) -> str:
        if self.form.text("resume") == "no":
            return tr("The folder holds rows: they are moved aside, and the audit starts again.")
        return tr("The folder holds rows: this audit goes on with them, where they are its own.")

    def _time_sentence(self, plan: Forecast) -> str:
        if self.rate is None:
            return tr("Time: not known before this model has run here once.")
        return tr(
            "Time: about {time} at {rate} evaluations a second, as in its last audit here."
        ).format(time=rough_duration(plan.n_evaluations / self.rate), rate=f"{self.rate:.0f}")


def unused_pairs_sentence(n_pairs: int) -> str:
    """Say that pairs of orders were asked for in vain."""
    return tr(
        "Every coalition is evaluated here, so the {n} pairs of orders are not used; the estimator "
        "permutation uses them."
    ).format(n=n_pairs)


def _model_sentence(inspection: Inspection) -> str:
    graph = inspection.graph
    shape = " x ".join("?" if side is None else str(side) for side in graph.input_shape)
    facts = [tr("input {shape} {type}").format(shape=shape, type=graph.input_dtype), graph.layout]
    if inspection.n_classes is not None:
        facts.append(tr("{n} classes").format(n=inspection.n_classes))
    if inspection.output_kind is not None:
        facts.append(inspection.output_kind)
    return tr("Model: {facts}.").format(facts=", ".join(map(str, facts)))


def _preprocessing_sentence(inspection: Inspection) -> str:
    if inspection.preprocessing is None:
        return tr("Preprocessing: none found. Let the assistant look for it, or give a file.")
    return tr("Preprocessing: from {source}.").format(source=inspection.preprocessing.source)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrialRow:
    """One candidate of the preprocessing assistant.

    Parameters
    ----------
    trial : Trial
        How it did.
    pixels : (H, W, 3) uint8 or None
        Some images as the model gets them, channels in the model's order.
    values : str
        Range of the numbers that the model gets.
    mark : str
        Best, configured, both, or empty, in the user's words.
    """

    trial: Trial
    pixels: NDArray[np.uint8] | None
    values: str
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AssistantState:
    """What the preprocessing assistant shows.

    Parameters
    ----------
    stage : Stage or None
        What it is doing; None where it rests.
    n_done, n_total : int
        Progress; `n_total` is 0 where it is not known.
    assistance : Assistance or None
        What it found.
    rows : tuple of TrialRow
        The candidates.
    """

    stage: Stage | None = None
    n_done: int = 0
    n_total: int = 0
    assistance: Assistance | None = None
    rows: tuple[TrialRow, ...] = ()

    def verdict(self) -> str:
        """Say what came out, in a sentence."""
        found = self.assistance
        if found is None:
            return ""
        best = found.best.candidate
        if found.configured is None:
            return tr("Best: {name}, tried on {n} images.").format(name=best.name, n=found.n_images)
        if best.is_configured:
            return tr("The configured preprocessing is the best, tried on {n} images.").format(
                n=found.n_images
            )
        if not found.is_misconfigured:
            return tr("{name} is not clearly better than the configured preprocessing.").format(
                name=best.name
            )
        said = tr(
            "The configured preprocessing is not what this model was made for. Best: {name}."
        ).format(name=best.name)
        if found.gain is None:
            return said
        numbers = tr("It wins {won} images and loses {lost}.")
        return f"{said} {numbers.format(won=found.gain.n_won, lost=found.gain.n_lost)}"
