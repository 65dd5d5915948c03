"""What is going on besides auditing, in the user's words."""

from __future__ import annotations

from typing import Final

from iaside_audit.events import Stage
from iaside_ui.state.words import marked, tr

STAGE_TITLES: Final = {
    Stage.STARTING: marked("Starting"),
    Stage.CONNECTING: marked("Connecting to the cluster"),
    Stage.STARTING_WORKERS: marked("Starting the cluster's workers"),
    Stage.AWAITING_WORKERS: marked("Waiting for the cluster's workers"),
    Stage.OPENING_MODEL: marked("Opening the model"),
    Stage.READING_IMAGES: marked("Reading the images"),
    Stage.MEASURING_DATA: marked("Measuring the data set"),
    Stage.NORMALISATIONS: marked("Normalisations"),
    Stage.GEOMETRIES: marked("Sizes and crops"),
    Stage.ROUNDINGS: marked("Ways to round"),
    Stage.FINALISTS: marked("The best, on more images"),
    Stage.QUICK_LOOK: marked("A quick look at the accuracy"),
    Stage.MEASURING: marked("Measuring"),
    Stage.COMPARING_SPECTRA: marked("Comparing spectra"),
    Stage.CORRUPTING: marked("Corrupting"),
    Stage.RECOMPUTING: marked("Computing the numbers again"),
    Stage.COMPARING_MODEL: marked("Looking at the model"),
    Stage.REPEATING: marked("Making rows again"),
    Stage.VARYING: marked("Auditing other choices"),
}
"""Of every stage of the engine; a test compares the two."""


def stage_title(stage: Stage) -> str:
    """Return what a stage is called, such as ``Opening the model``."""
    return tr(STAGE_TITLES[stage])
