"""The search for a preprocessing: many candidates on a few images, few on many."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from iaside_audit.auditing.assistant.choice import Candidate, Measured, choose, promising
from iaside_audit.auditing.model import fit_preprocessing
from iaside_audit.classifier.recipes import (
    Geometry,
    Normalisation,
    geometries,
    geometry_in,
    normalisation_in,
    normalisations,
    preprocessing_of,
)
from iaside_audit.errors import SpecError
from iaside_audit.events import Stage
from iaside_audit.images import resized_size
from iaside_audit.preprocessing import Interpolation, Preprocessing, Rounding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from iaside_audit.auditing.assistant.examiner import Examiner
    from iaside_audit.classifier.description import GraphDescription
    from iaside_audit.images import IndexedImage

NORMALISATION_ROUNDS: Final = ((8, 8), (24, 4), (48, 2))
"""Images to look at, and candidates that stay. A wrong normalisation costs tens of points."""
UNLABELLED_ROUNDS: Final = ((48, 6), (96, 2))
"""Confidence tells less than right answers do, and needs more images."""
GEOMETRY_ROUNDS: Final = ((24, 4), (96, 2))
"""A wrong geometry costs a point or two, which takes more images to see."""
SEMIFINAL: Final = 96
ROUNDINGS: Final = (Rounding.TORCHVISION, Rounding.NEAREST)


class Search:
    """The stages of one search: normalisations, geometries, rounding.

    Parameters
    ----------
    examiner : Examiner
        Asks the model about candidates.
    graph : GraphDescription
        Of the model.
    images : sequence of IndexedImage
        Their sizes decide which geometries differ.
    size : (int, int)
        Height and width of the model's input.
    """

    def __init__(
        self,
        examiner: Examiner,
        graph: GraphDescription,
        images: Sequence[IndexedImage],
        size: tuple[int, int],
    ) -> None:
        self._examiner = examiner
        self.notes: list[str] = []
        self._graph = graph
        self._size = size
        self._image_sizes = {(one.height, one.width) for one in images}

    def run(
        self, configured: Preprocessing | None, found: Sequence[Preprocessing]
    ) -> list[Measured]:
        """Return the finalists, measured on all images."""
        pinned = self._around_the_model(configured, found)
        self._examiner.examine(pinned, NORMALISATION_ROUNDS[0][0])
        usual = geometries(self._size, enlarged=self._image_sizes != {self._size})
        recipes = self._normalisations(pinned)
        has_labels = self._examiner.labels is not None
        leaders = self._race(
            self._candidates(recipes, usual[:1]),
            NORMALISATION_ROUNDS if has_labels else UNLABELLED_ROUNDS,
            Stage.NORMALISATIONS,
        )
        usual_one = choose(leaders).candidate
        best = normalisation_in(usual_one.preprocessing)
        shapes = self._candidates([best], self._geometries(usual, pinned))
        rivals = [*leaders, *self._race(shapes, GEOMETRY_ROUNDS, Stage.GEOMETRIES)]
        contenders = [one.candidate for one in rivals]
        leader = choose(self._examiner.examine(contenders, SEMIFINAL, Stage.FINALISTS)).candidate
        contenders += self._candidates(
            [normalisation_in(leader.preprocessing)],
            self._distinct(
                [replace(geometry_in(leader.preprocessing), rounding=one) for one in ROUNDINGS]
            ),
        )
        finalists = self._race(contenders, [(SEMIFINAL, 2)], Stage.ROUNDINGS)
        pinned += [usual_one, leader, *(one.candidate for one in finalists)]
        return self._examiner.examine(pinned, self._examiner.n_images, Stage.FINALISTS)

    def _around_the_model(
        self, configured: Preprocessing | None, found: Sequence[Preprocessing]
    ) -> list[Candidate]:
        """Return what is configured and found, as far as it fits the model."""
        candidates = []
        if configured is not None:
            candidates.append(Candidate.of(configured, is_configured=True))
        for one in found:
            try:
                fitted = fit_preprocessing(one, self._graph)
            except SpecError as error:
                self.notes.append(error.message)
            else:
                candidates.append(Candidate.of(fitted))
        return candidates

    def _normalisations(self, pinned: Sequence[Candidate]) -> list[Normalisation]:
        """Return the normalisations to try: those found, the suggested one, the usual ones."""
        suggested = self._graph.suggested_recipe
        usual = sorted(
            normalisations(self._graph.n_channels),
            key=lambda one: one.name not in (suggested, f"grey {suggested}"),
        )
        every = [*(normalisation_in(one.preprocessing) for one in pinned), *usual]
        return list({one.numbers: one for one in reversed(every)}.values())[::-1]

    def _geometries(self, usual: Sequence[Geometry], pinned: Sequence[Candidate]) -> list[Geometry]:
        bicubic = [replace(one, interpolation=Interpolation.BICUBIC) for one in usual]
        found = [geometry_in(one.preprocessing) for one in pinned]
        return self._distinct([*found, *usual, *bicubic])

    def _distinct(self, candidates: Sequence[Geometry]) -> list[Geometry]:
        """Leave out geometries that do the same to every image as an earlier one."""
        seen: dict[object, Geometry] = {}
        for one in candidates:
            footprint = frozenset(_footprint(one, *size) for size in self._image_sizes)
            seen.setdefault(footprint, one)
        return list(seen.values())

    def _candidates(
        self, recipes: Iterable[Normalisation], shapes: Sequence[Geometry]
    ) -> list[Candidate]:
        return list(fitting_candidates(recipes, shapes, self._graph))

    def _race(
        self, candidates: Sequence[Candidate], rounds: Iterable[tuple[int, int]], stage: Stage
    ) -> list[Measured]:
        """Return those that stay after all rounds."""
        measured: list[Measured] = []
        for n_images, n_kept in rounds:
            measured = promising(self._examiner.examine(candidates, n_images, stage), n_kept)
            candidates = [one.candidate for one in measured]
        return measured


def fitting_candidates(
    recipes: Iterable[Normalisation], shapes: Sequence[Geometry], graph: GraphDescription
) -> Iterator[Candidate]:
    """Yield the recipes that fit the model's input; a uint8 input takes only raw numbers."""
    for recipe in recipes:
        for shape in shapes:
            with suppress(SpecError):
                fitted = fit_preprocessing(preprocessing_of(recipe, shape), graph)
                yield Candidate(name=recipe.name, preprocessing=fitted)


def _footprint(geometry: Geometry, height: int, width: int) -> tuple[object, ...]:
    """Return all that decides what a geometry does to images of one size."""
    size = resized_size(height, width, geometry.resize, geometry.rounding)
    filter_used = geometry.interpolation if size != (height, width) else None
    crop = geometry.crop if isinstance(geometry.crop, tuple) else (geometry.crop, geometry.crop)
    rooms = [have - wanted for have, wanted in zip(size, crop, strict=True)]
    is_even = geometry.rounding == Rounding.TORCHVISION
    starts = [round(room / 2) if is_even else room // 2 for room in rooms]
    return (height, width), size, filter_used, crop, *starts
