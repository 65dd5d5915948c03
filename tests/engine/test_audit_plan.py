"""The plan of an audit follows from its specification and its images alone."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iaside_audit.auditing.plan import (
    MAX_BATCH,
    STATISTICS_IMAGES,
    AuditPlan,
    checkpoints,
    make_plan,
    resolve_estimator,
)
from iaside_audit.choices import Estimator
from iaside_audit.errors import ImageError, SpecError
from iaside_audit.images import ImageIndex, IndexedImage
from iaside_audit.randomness import canonical_key
from iaside_audit.spec import AuditSpec

Options = dict[str, Any]  # Any: options of all types


def spec(**options: Any) -> AuditSpec:
    """Return a specification of a data set that is made up."""
    return AuditSpec(**({"model": "model.onnx", "images": "photos"} | options))


def index(n_images: int, *, n_contents: int | None = None, seed: int = 0) -> ImageIndex:
    """Return an index of images that exist in name only, `n_contents` of them different."""
    entries = [
        IndexedImage(
            path=f"{number:05}.png",
            location=f"/{number:05}.png",
            position=None,
            image_id=hashlib.sha256(str(number % (n_contents or n_images)).encode()).hexdigest(),
            label=0,
            height=32,
            width=32,
        )
        for number in range(n_images)
    ]
    order = sorted(range(n_images), key=lambda one: canonical_key(seed, entries[one].image_id))
    rank = {position: place for place, position in enumerate(order)}
    return ImageIndex(
        entries=tuple(entries[position] for position in order),
        listed=tuple(rank[position] for position in range(n_images)),
        failed=(),
        manifest_sha256="0" * 64,
    )


def plan(n_images: int = 40, **options: Any) -> AuditPlan:
    """Plan an audit of 224 px images."""
    return make_plan(spec(**options), index(n_images), size=(224, 224))


class Auto(NamedTuple):
    """A request with the estimator ``auto``, and what that stands for."""

    options: Options
    n_images: int
    expected: Estimator
    why: str


AUTOS = [
    Auto({"bands": 8}, 16, Estimator.EXACT, "16 x 256 is 4096"),
    Auto({"bands": 8}, 17, Estimator.PERMUTATION, "17 x 256 is above 4096"),
    Auto({"bands": 4}, 256, Estimator.EXACT, "256 x 16 is 4096"),
    Auto({"bands": 4}, 257, Estimator.PERMUTATION, "257 x 16 is above 4096"),
    Auto({"bands": 4, "pairs": 2}, 10**6, Estimator.PERMUTATION, "14 walked are below 16"),
    Auto({"bands": 4, "pairs": 3}, 10**6, Estimator.EXACT, "20 walked are more than all 16"),
    Auto({"bands": 2}, 10**6, Estimator.EXACT, "4 walked are all 4"),
    Auto({"bands": 3}, 10**6, Estimator.PERMUTATION, "6 walked are below 8"),
    Auto({"bands": 12}, 1, Estimator.EXACT, "4096 is cheap"),
    Auto({"bands": 13}, 1, Estimator.PERMUTATION, "8192 is not cheap"),
    Auto({"bands": 20}, 1, Estimator.PERMUTATION, "more than 16 bands are never exact"),
    Auto(
        {"bands": 17, "pairs": 5000}, 1, Estimator.PERMUTATION, "the same, at any number of pairs"
    ),
    Auto({"bands": 12, "estimator": "permutation"}, 1, Estimator.PERMUTATION, "asked for"),
    Auto({"bands": 12, "estimator": "exact"}, 10**6, Estimator.EXACT, "asked for"),
]


@pytest.mark.parametrize("case", AUTOS, ids=lambda case: case.why.replace(" ", "-"))
def test_auto_estimator_follows_the_rule(case: Auto) -> None:
    """`auto` is exact where that is no dearer than walks, or cheap (METHOD.md, section 4)."""
    assert resolve_estimator(spec(**case.options), case.n_images) is case.expected


@given(
    bands=st.integers(2, 12),
    pairs=st.integers(1, 5),
    estimator=st.sampled_from(["exact", "permutation"]),
    baseline=st.sampled_from(["zero", "mean", "noise", "shuffle"]),
    n_images=st.integers(2, 60),
)
def test_plan_counts_evaluations(
    bands: int, pairs: int, estimator: str, baseline: str, n_images: int
) -> None:
    """2^M, or 2K(M-1)+2, an image; a constant baseline's empty coalition is run once an audit."""
    pairs = 1 if estimator == "exact" else pairs
    planned = plan(n_images, bands=bands, pairs=pairs, estimator=estimator, baseline=baseline)
    coalitions = 2**bands if estimator == "exact" else 2 * pairs * (bands - 1) + 2
    shared = baseline in {"zero", "mean"}
    assert planned.evaluations_per_image == coalitions - shared
    assert planned.n_evaluations == n_images * (coalitions - shared) + shared


@given(
    n_images=st.integers(1, 80),
    bands=st.integers(2, 10),
    batch=st.just("auto") | st.integers(1, 300),
    estimator=st.sampled_from(["exact", "permutation"]),
)
def test_leases_cover_every_image_once_in_order(
    n_images: int, bands: int, batch: int | str, estimator: str
) -> None:
    """Leases are blocks of G consecutive images; only the last may be shorter."""
    planned = plan(n_images, bands=bands, batch=batch, estimator=estimator)
    leases = list(planned.leases())
    assert [item.index for lease in leases for item in lease.items] == list(range(n_images))
    assert [item.image for lease in leases for item in lease.items] == list(planned.images)
    assert {len(lease.items) for lease in leases[:-1]} <= {planned.lease_images}
    assert 1 <= len(leases[-1].items) <= planned.lease_images


@given(
    bands=st.integers(2, 10),
    batch=st.just("auto") | st.integers(1, 300),
    side=st.integers(16, 600),
    estimator=st.sampled_from(["exact", "permutation"]),
)
def test_batches_stay_within_the_limit(
    bands: int, batch: int | str, side: int, estimator: str
) -> None:
    """No call holds more rows than asked, and a lease of several images fits one call."""
    asked = spec(bands=bands, batch=batch, estimator=estimator)
    planned = make_plan(asked, index(50), size=(side, side))
    assert 1 <= planned.batch <= (batch if isinstance(batch, int) else MAX_BATCH)
    rows = planned.lease_images * planned.evaluations_per_image
    assert planned.lease_images == 1 or rows <= planned.batch
    n_calls = -(-rows // planned.batch)
    assert n_calls * planned.batch - rows < n_calls, "batches are filled evenly"


@given(n_images=st.integers(1, 60), asked=st.integers(1, 80))
def test_max_images_takes_a_prefix(n_images: int, asked: int) -> None:
    """The first K images of the canonical order are taken, and nothing else changes."""
    whole = plan(n_images, estimator="permutation")
    part = plan(n_images, estimator="permutation", max_images=asked)
    assert part.images == whole.images[:asked]
    assert (part.batch, part.lease_images) == (whole.batch, whole.lease_images)


@given(budget=st.integers(16, 1200), baseline=st.sampled_from(["zero", "noise"]))
def test_budget_is_used_up_but_never_exceeded(budget: int, baseline: str) -> None:
    """As many whole images as the budget pays for."""
    planned = plan(60, estimator="permutation", budget=budget, baseline=baseline)
    assert planned.n_evaluations <= budget
    another = planned.n_evaluations + planned.evaluations_per_image
    assert len(planned.images) == 60 or another > budget


def test_budget_below_one_image_is_refused() -> None:
    """What one image costs is named."""
    assert len(plan(budget=16, estimator="permutation").images) == 1
    with pytest.raises(SpecError, match=r"at least 16 evaluations.*found 15.*Raise --budget"):
        plan(budget=15, estimator="permutation")


def test_checkpoints_double_from_100() -> None:
    """Stopping is looked at after 100, 200, 400, ... images, and never below 100."""
    assert checkpoints(99) == []
    assert checkpoints(100) == [100]
    assert checkpoints(1000) == [100, 200, 400, 800]


@given(n_images=st.integers(2, 40), n_contents=st.integers(2, 5), seed=st.integers(0, 99))
def test_shuffle_partner_is_of_other_content(n_images: int, n_contents: int, seed: int) -> None:
    """No image stands in for itself, also where one content is in the data set many times."""
    asked = spec(baseline="shuffle", seed=seed)
    images = index(n_images, n_contents=min(n_images, n_contents), seed=seed)
    planned = make_plan(asked, images, size=(224, 224))
    for lease in planned.leases():
        for item in lease.items:
            assert item.partner is not None
            assert item.partner.image_id != item.image.image_id


def test_shuffle_partners_do_not_depend_on_max_images() -> None:
    """Partners come from the first 256 images of the whole data set, and stay an image's own."""
    n_images = STATISTICS_IMAGES + 20
    whole = plan(n_images, baseline="shuffle", estimator="permutation")
    part = plan(n_images, baseline="shuffle", estimator="permutation", max_images=3)
    partners = [item.partner for lease in whole.leases() for item in lease.items]
    assert [item.partner for lease in part.leases() for item in lease.items] == partners[:3]
    assert {one.path for one in partners if one} <= {
        one.path for one in whole.images[:STATISTICS_IMAGES]
    }
    assert len(set(partners)) > 100, "starts are spread over the data set"


def test_shuffle_needs_two_contents() -> None:
    """One content, however often it is there, has no partner."""
    with pytest.raises(ImageError, match="two different images"):
        make_plan(spec(baseline="shuffle"), index(9, n_contents=1), size=(224, 224))


def test_reference_batches_are_whole_and_in_the_order_of_the_list() -> None:
    """Consecutive images as listed; a short last batch is dropped."""
    images = index(25)
    asked = spec(mode="reference", reference_batch=6, max_images=23)
    planned = make_plan(asked, images, size=(32, 32))
    assert [one.path for one in planned.images] == [f"{number:05}.png" for number in range(18)]
    assert planned.lease_images == 6
    assert planned.estimator is Estimator.EXACT


def test_reference_mode_needs_one_batch() -> None:
    """Fewer images than a batch are an error that names both numbers."""
    with pytest.raises(ImageError, match=r"one batch of 10 images.*found 9 images"):
        make_plan(spec(mode="reference"), index(9), size=(32, 32))


@given(n_images=st.integers(1, 60), n_shards=st.integers(1, 7), batch=st.integers(1, 60))
def test_shards_share_the_leases_of_the_whole(n_images: int, n_shards: int, batch: int) -> None:
    """Every lease of an audit is in exactly one shard, unchanged."""
    whole = {lease.number: lease for lease in plan(n_images, batch=batch).leases()}
    n_shards = min(n_shards, len(whole))
    shards = [
        plan(n_images, batch=batch, shard=f"{number}/{n_shards}")
        for number in range(1, n_shards + 1)
    ]
    parts = [lease for shard in shards for lease in shard.leases()]
    assert {lease.number: lease for lease in parts} == whole
    assert len(parts) == len(whole)
    assert sorted(index for shard in shards for index in shard.indices) == list(range(n_images))
