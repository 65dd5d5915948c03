"""Indexing: identity, canonical order and manifest hash depend on content and seed alone."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_material import shared
from strategies_images import photograph, save_png

from iaside_audit.errors import ImageError
from iaside_audit.events import AuditCancelled
from iaside_audit.images import (
    ImageIndex,
    IndexedImage,
    dataset,
    decode_image,
    find_images,
    image_identity,
    index_images,
    manifest_digest,
    read_pixels,
    resolve_labels,
)
from iaside_audit.randomness import canonical_key

if TYPE_CHECKING:
    from pathlib import Path

N_IMAGES = 12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of two classes, one damaged image and one repeated image."""
    for seed in range(N_IMAGES):
        save_png(tmp_path / str(seed % 2) / f"{seed}.png", (16 + seed, 20), seed)
    save_png(tmp_path / "1" / "again.png", (16, 20), 0)
    (tmp_path / "0" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return tmp_path


def index(root: Path, *, seed: int = 0, workers: int = 2, labels: str = "auto") -> ImageIndex:
    """Index a data set of two classes."""
    listing = find_images(root)
    labelling = resolve_labels(listing, labels=labels, n_classes=2)
    return index_images(listing, labelling, seed=seed, workers=workers)


def test_index_is_in_canonical_order_with_ties_by_label_and_path(folder: Path) -> None:
    """Entries are sorted by sha256 of seed and identity; one content twice is told by label."""
    found = index(folder, seed=7)
    keys = [(canonical_key(7, one.image_id), one.label, one.path) for one in found.entries]
    assert keys == sorted(keys)
    assert len(found.entries) == N_IMAGES + 1
    assert len({one.image_id for one in found.entries}) == N_IMAGES


def test_index_keeps_the_listed_order(folder: Path) -> None:
    """The listed order is that of the manifest, without the damaged image."""
    found = index(folder)
    listed = [found.entries[position].path for position in found.listed]
    names = [one.path for one in find_images(folder).records]
    assert listed == [name for name in names if name != "0/broken.png"]


def test_index_does_not_depend_on_workers_and_seed_changes_order_only(folder: Path) -> None:
    """One thread or five give the same index; another seed the same images in another order."""
    found = index(folder, workers=1)
    assert index(folder, workers=5) == found
    other = index(folder, seed=1)
    assert other.entries != found.entries
    assert set(other.entries) == set(found.entries)
    assert other.manifest_sha256 == found.manifest_sha256


def test_index_names_damaged_images(folder: Path) -> None:
    """A damaged image is left out, named with its reason."""
    (failed,) = index(folder).failed
    assert failed.path == "0/broken.png"
    assert "'0/broken.png'" in failed.reason


def test_index_entries_hold_identity_and_size(folder: Path) -> None:
    """Every entry says what its file holds."""
    for entry in index(folder).entries:
        image = decode_image(folder / entry.path)
        assert entry.image_id == image_identity(image)
        assert (entry.height, entry.width) == image.shape[:2]
        np.testing.assert_array_equal(read_pixels(entry), image)


def test_manifest_is_the_stated_lines(folder: Path) -> None:
    """The manifest hash is sha256 over the sorted lines; labels from the model read self."""
    found = index(folder, labels="self")
    lines = sorted(f"{one.image_id},self,{one.path}\n" for one in found.entries)
    assert found.manifest_sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert found.manifest_sha256 != index(folder).manifest_sha256


@given(st.permutations(range(6)))
def test_manifest_does_not_depend_on_order_or_place(order: list[int]) -> None:
    """The digest is the same whatever the order of entries and the folder they lie in."""
    entries = [
        IndexedImage(
            path=f"{number}.png",
            location=f"/somewhere/{order[0]}/{number}.png",
            position=None,
            image_id=f"{number:064x}",
            label=number,
            height=16,
            width=16,
        )
        for number in order
    ]
    expected = "".join(f"{number:064x},{number},{number}.png\n" for number in range(6))
    assert manifest_digest(entries) == hashlib.sha256(expected.encode()).hexdigest()


def test_entries_travel_as_json(folder: Path) -> None:
    """An entry survives JSON unchanged."""
    for entry in index(folder).entries:
        assert IndexedImage.from_wire(json.loads(json.dumps(entry.to_wire()))) == entry


def test_read_pixels_refuses_a_changed_file(folder: Path) -> None:
    """A file that holds another image since, or none, is an error that names it."""
    entry = index(folder).entries[0]
    save_png(folder / entry.path, (16, 20), 99)
    with pytest.raises(ImageError, match=f"'{entry.path}' the image that was indexed"):
        read_pixels(entry)
    (folder / entry.path).unlink()
    with pytest.raises(ImageError, match="found no file"):
        read_pixels(entry)


def test_index_reads_arrays(tmp_path: Path) -> None:
    """Images of an array are indexed and read like files."""
    images = np.stack([photograph((16, 18), seed) for seed in range(5)])
    np.savez(tmp_path / "set.npz", images=images, labels=np.array([0, 1, 0, 1, 0]))
    found = index(tmp_path / "set.npz", workers=3)
    assert [found.entries[position].position for position in found.listed] == [0, 1, 2, 3, 4]
    for entry in found.entries:
        assert entry.label == (entry.position or 0) % 2
        np.testing.assert_array_equal(read_pixels(entry), images[entry.position])


def test_index_without_a_readable_image_gives_the_first_reasons(tmp_path: Path) -> None:
    """Where every image is damaged, the error lists the first reasons and counts the rest."""
    for number in range(5):
        (tmp_path / f"{number}.png").write_bytes(b"")
    with pytest.raises(ImageError, match=r"none among 5.*'0\.png', found an empty file.*2 more"):
        index(tmp_path, labels="self")


def test_index_reports_progress_to_the_end(folder: Path) -> None:
    """Progress only grows and ends at the total."""
    calls: list[tuple[int, int]] = []
    listing = find_images(folder)
    labelling = resolve_labels(listing, n_classes=2)
    index_images(
        listing,
        labelling,
        seed=0,
        workers=2,
        on_progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == sorted(calls)
    assert calls[-1] == (N_IMAGES + 2, N_IMAGES + 2)


def test_index_notices_a_cancel_while_images_are_slow(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancel is answered at once though every decoder is busy; 0.2 s are promised."""
    release = threading.Event()

    def slow(*_: object) -> None:
        release.wait(10)
        raise ImageError("released")

    monkeypatch.setattr(dataset, "read_image", slow)
    listing = find_images(folder)
    labelling = resolve_labels(listing, n_classes=2)
    deadline = time.monotonic() + 0.15
    with pytest.raises(AuditCancelled, match="0 of 14"):
        index_images(
            listing,
            labelling,
            seed=0,
            workers=2,
            is_cancelled=lambda: time.monotonic() > deadline,
        )
    elapsed = time.monotonic() - deadline
    release.set()
    assert elapsed < 0.4  # twice the promise: the cores are shared


@pytest.mark.shared
def test_index_of_the_zoo_reads_every_image() -> None:
    """All 200 labelled images of the zoo are readable and distinct."""
    listing = find_images(shared("zoo/images"))
    labelling = resolve_labels(listing, n_classes=1000)
    found = index_images(listing, labelling, seed=0, workers=2)
    assert len(found.entries) == 200
    assert found.failed == ()
    assert [found.entries[position].path for position in found.listed] == [
        one.path for one in labelling.records
    ]
