"""What an audit will do, settled before the first lease (METHOD.md, sections 0, 4, 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from iaside_audit.auditing.attempts import Lease
from iaside_audit.auditing.evaluation.evaluate import LeaseItem
from iaside_audit.choices import (
    DEFAULT_PAIRS,
    FIRST_CHECK,
    MAX_EXACT_BANDS,
    Estimator,
    Mode,
    parse_shard,
)
from iaside_audit.errors import ImageError, SpecError
from iaside_audit.randomness import Purpose, image_generator
from iaside_audit.spectrum import baseline_needs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from iaside_audit.images import ImageIndex, IndexedImage
    from iaside_audit.spec import AuditSpec

STATISTICS_IMAGES: Final = 256
"""Data-set statistics and shuffle's partners come from so many images (METHOD.md, section 0)."""
CHEAP_EXACT: Final = 4096
"""`auto` takes the exact estimator up to so many evaluations."""
BATCH_AT_224: Final = 32
"""Rows a call at 224 px: a CPU is at its best from 8 to 32 (benchmarks/, ECOSYSTEM.md, 2)."""
MAX_BATCH: Final = 256
PIXELS_AT_224: Final = 224 * 224


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPlan:
    """The settled shape of an audit.

    Parameters
    ----------
    estimator : Estimator
        Exact or permutation.
    images : tuple of IndexedImage
        Those that will be evaluated, in order.
    partners : tuple of IndexedImage
        Those from which the baseline ``shuffle`` takes a partner.
    evaluations_per_image : int
        Rows that one image puts through the model.
    shared_evaluations : int
        Evaluations made once an audit: the empty coalition of a constant baseline.
    batch : int
        Rows of every call of the model.
    lease_images : int
        Images of a lease, G.
    seed : int
        The audit's.
    is_divisible : bool
        Whether an image's row does not depend on the others of its lease.
    shard : (int, int)
        Which of how many shards this is, counted from 1.
    """

    estimator: Estimator
    images: tuple[IndexedImage, ...]
    partners: tuple[IndexedImage, ...]
    evaluations_per_image: int
    shared_evaluations: int
    batch: int
    lease_images: int
    seed: int
    is_divisible: bool
    shard: tuple[int, int] = (1, 1)

    @property
    def n_evaluations(self) -> int:
        """Evaluations of the whole audit, or of its shard."""
        return self.shared_evaluations + len(self.indices) * self.evaluations_per_image

    @property
    def indices(self) -> tuple[int, ...]:
        """Places of the images that this audit, or its shard, wants a row of."""
        return tuple(index for block in self._blocks() for index in block)

    def leases(self) -> Iterator[Lease]:
        """Yield the blocks of consecutive images of this audit, or of its shard."""
        for block in self._blocks():
            items = [
                LeaseItem(index=index, image=self.images[index], partner=self._partner(index))
                for index in block
            ]
            number = block.start // self.lease_images
            yield Lease.of(items, number=number, is_divisible=self.is_divisible)

    def _blocks(self) -> Iterator[range]:
        """Yield the places of each lease; the shards take them in turn."""
        number, n_shards = self.shard
        step = self.lease_images * n_shards
        for start in range((number - 1) * self.lease_images, len(self.images), step):
            yield range(start, min(start + self.lease_images, len(self.images)))

    def _partner(self, index: int) -> IndexedImage | None:
        if not self.partners:
            return None
        return partner_of(self.images[index].image_id, self.partners, seed=self.seed)


def partner_of(image_id: str, partners: Sequence[IndexedImage], *, seed: int) -> IndexedImage:
    """Return what stands in for absent bands of an image with the baseline ``shuffle``.

    Parameters
    ----------
    image_id : str
        Of the image.
    partners : sequence of IndexedImage
        At least one is of other content: the next one after a seeded start is taken.
    seed : int
        Of the audit.
    """
    generator = image_generator(seed, image_id, Purpose.BASELINE)
    start = int(generator.integers(len(partners)))
    ring = (*partners[start:], *partners[:start])
    return next(one for one in ring if one.image_id != image_id)


def make_plan(
    spec: AuditSpec,
    index: ImageIndex,
    *,
    size: tuple[int, int],
    before: Mapping[str, Any] | None = None,  # Any: JSON
) -> AuditPlan:
    """Settle the shape of an audit.

    Parameters
    ----------
    spec : AuditSpec
        What is asked.
    index : ImageIndex
        The readable images.
    size : (int, int)
        Height and width of the model's input.
    before : dict or None
        Settings of the store that is continued: its batch and leases are used again.

    Raises
    ------
    SpecError
        If the budget is too small for one image.
    ImageError
        If there are too few images.
    """
    if spec.mode == Mode.REFERENCE:
        return _reference_plan(spec, index)
    needs = baseline_needs(spec.baseline)
    images = index.entries[: spec.max_images]
    estimator = resolve_estimator(spec, len(images))
    per_image, shared = evaluations_per_image(spec, estimator)
    images = images[: affordable_images(spec, per_image, shared)]
    partners: Sequence[IndexedImage] = ()
    if needs.partner:
        partners = index.entries[:STATISTICS_IMAGES]
        if len({image.image_id for image in partners}) < 2:  # noqa: PLR2004 - a pair
            raise ImageError(
                "Expected at least two different images for --baseline shuffle, found one. "
                "Add images, or choose another baseline."
            )
    batch, lease_images = _batch(spec, per_image, size=size)
    if before is not None and before.get("batch_asked") == spec.batch:
        batch, lease_images = int(before["batch"]), int(before["lease_images"])
    shard = (1, 1) if spec.shard is None else parse_shard(spec.shard)
    n_leases = -(-len(images) // lease_images)
    if n_leases < shard[1]:
        raise SpecError(
            f"Expected at least one lease of {lease_images} images a shard, found {n_leases} "
            f"leases for {shard[1]} shards. Use fewer shards, or a smaller --batch."
        )
    return AuditPlan(
        estimator=estimator,
        images=tuple(images),
        partners=tuple(partners),
        evaluations_per_image=per_image,
        shared_evaluations=shared,
        batch=batch,
        lease_images=lease_images,
        seed=spec.seed,
        is_divisible=True,
        shard=shard,
    )


def affordable_images(spec: AuditSpec, per_image: int, shared: int) -> int | None:
    """Return how many images the budget affords, at least one; None without a budget.

    Raises
    ------
    SpecError
        If it affords none.
    """
    if spec.budget is None:
        return None
    affordable = (spec.budget - shared) // per_image
    if affordable < 1:
        raise SpecError(
            f"Expected a budget of at least {per_image + shared} evaluations, which is one "
            f"image, found {spec.budget}. Raise --budget, or lower --bands or --pairs."
        )
    return affordable


def planned_images(spec: AuditSpec, estimator: Estimator, n_available: int) -> int:
    """Return how many of the readable images an audit takes, its other shards' included.

    Raises
    ------
    SpecError
        If the budget affords none.
    """
    n_images = min(n_available, spec.max_images or n_available)
    if spec.mode == Mode.REFERENCE:
        return n_images // spec.reference_batch * spec.reference_batch
    affordable = affordable_images(spec, *evaluations_per_image(spec, estimator))
    return n_images if affordable is None else min(n_images, affordable)


def resolve_estimator(spec: AuditSpec, n_images: int) -> Estimator:
    """Return the estimator that ``auto`` stands for (METHOD.md, section 4)."""
    if spec.estimator != Estimator.AUTO:
        return spec.estimator
    if spec.interactions:
        return Estimator.EXACT
    n_coalitions = 2**spec.bands
    affordable = CHEAP_EXACT if spec.budget is None else min(CHEAP_EXACT, spec.budget)
    is_cheap = n_coalitions <= row_length(spec, Estimator.PERMUTATION)
    if spec.bands <= MAX_EXACT_BANDS and (is_cheap or n_images * n_coalitions <= affordable):
        return Estimator.EXACT
    return Estimator.PERMUTATION


def unused_pairs(spec: AuditSpec, estimator: Estimator) -> int:
    """Return the pairs of orders that were asked for in vain, as `auto` is exact; else 0."""
    is_asked = spec.pairs != DEFAULT_PAIRS
    return spec.pairs if is_asked and estimator == Estimator.EXACT else 0


def checkpoints(n_images: int) -> list[int]:
    """Return the numbers of images at which stopping is looked at: 100, 200, 400, ..."""
    points = []
    point = FIRST_CHECK
    while point <= n_images:
        points.append(point)
        point *= 2
    return points


def stopping_point(n_needed: int, n_images: int) -> int | None:
    """Return where an audit of `n_images` stops that needs `n_needed`; None where it does not.

    Examples
    --------
    >>> stopping_point(150, 1000), stopping_point(350, 380), stopping_point(500, 380)
    (200, 380, None)
    """
    points = [*checkpoints(n_images), n_images]
    return next((point for point in points if point >= max(n_needed, FIRST_CHECK)), None)


def evaluations_per_image(spec: AuditSpec, estimator: Estimator) -> tuple[int, int]:
    """Return the evaluations of one image, and those made once an audit.

    The empty coalition of a constant baseline is one image, and is run once.
    """
    shared = int(spec.mode == Mode.CORRECTED and baseline_needs(spec.baseline).is_constant)
    return row_length(spec, estimator) - shared, shared


def row_length(spec: AuditSpec, estimator: Estimator) -> int:
    """Return how many coalitions one image walks, empty and grand included."""
    if estimator == Estimator.EXACT:
        return int(2**spec.bands)
    return 2 * spec.pairs * (spec.bands - 1) + 2


def batch_limit(spec: AuditSpec, size: tuple[int, int]) -> int:
    """Return the rows of a call at most, for an input of this height and width."""
    if isinstance(spec.batch, int):
        return spec.batch
    limit = BATCH_AT_224 * PIXELS_AT_224 // (size[0] * size[1])
    return min(max(limit, BATCH_AT_224), MAX_BATCH)


def _batch(spec: AuditSpec, per_image: int, *, size: tuple[int, int]) -> tuple[int, int]:
    """Return the rows of a call and the images of a lease.

    Batches are filled evenly: an image of 255 rows takes 8 calls of 32, and images of 15 rows
    share a call two by two.
    """
    limit = batch_limit(spec, size)
    lease_images = max(1, limit // per_image)
    n_rows = lease_images * per_image
    n_calls = -(-n_rows // limit)
    return -(-n_rows // n_calls), lease_images


def _reference_plan(spec: AuditSpec, index: ImageIndex) -> AuditPlan:
    """Settle an audit in reference mode: whole batches in the order of the list."""
    images = [index.entries[place] for place in index.listed[: spec.max_images]]
    n_whole = len(images) // spec.reference_batch * spec.reference_batch
    if n_whole == 0:
        raise ImageError(
            f"Expected at least one batch of {spec.reference_batch} images in reference mode, "
            f"found {len(images)} images. Lower --reference-batch."
        )
    batch = spec.batch if isinstance(spec.batch, int) else BATCH_AT_224
    return AuditPlan(
        estimator=Estimator.EXACT,
        images=tuple(images[:n_whole]),
        partners=(),
        evaluations_per_image=row_length(spec, Estimator.EXACT),
        shared_evaluations=0,
        batch=min(batch, spec.reference_batch),
        lease_images=spec.reference_batch,
        seed=spec.seed,
        is_divisible=False,
    )
