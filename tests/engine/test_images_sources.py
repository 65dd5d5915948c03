"""Finding images: folders, tables and arrays, in a stated order, with everything counted."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from strategies_images import photograph, save_png

from iaside_audit.errors import ImageError, SpecError
from iaside_audit.images import Kind, find_images, natural_key, tables
from iaside_audit.images.arrays import npz_image
from iaside_audit.images.tables import read_table


def paths(root: Path) -> list[str]:
    """Return the relative paths of the images found, in order."""
    return [one.path for one in find_images(root).records]


def test_folders_are_searched_in_depth_in_the_order_of_image_folder(tmp_path: Path) -> None:
    """Records come sorted by folder, then by name; the label is the top-level folder."""
    names = ["b/2.png", "b/10.png", "a/deep/z.JPEG", "a/y.tiff", "B/x.WebP"]
    for name in names:
        save_png(tmp_path / name)
    listing = find_images(tmp_path)
    assert listing.kind == Kind.FOLDERS
    assert [one.path for one in listing.records] == [
        "B/x.WebP",
        "a/y.tiff",
        "a/deep/z.JPEG",
        "b/10.png",
        "b/2.png",
    ]
    assert [one.folder_label for one in listing.records] == ["B", "a", "a", "b", "b"]
    assert all(one.location.is_file() for one in listing.records)


def test_flat_folder_ignores_hidden_files_and_counts_others(tmp_path: Path) -> None:
    """Hidden files and folders do not count; files of other kinds are counted as ignored."""
    for name in ("a.png", ".hidden.png", ".cache/b.png"):
        save_png(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "b.gif").write_bytes(b"GIF89a")
    (tmp_path / "labels.csv").write_text("path,label\na.png,0\n")
    listing = find_images(tmp_path)
    assert listing.kind == Kind.FLAT
    assert [one.path for one in listing.records] == ["a.png"]
    assert listing.n_ignored == 2
    assert listing.labels_file == tmp_path / "labels.csv"
    assert listing.folders == ()


def test_labels_file_beside_the_folder_is_found(tmp_path: Path) -> None:
    """A labels.tsv next to the folder of images is offered too."""
    save_png(tmp_path / "images" / "a.png")
    (tmp_path / "labels.tsv").write_text("path\tlabel\na.png\t0\n")
    assert find_images(tmp_path / "images").labels_file == tmp_path / "labels.tsv"


def test_folders_come_in_natural_order_with_the_empty_ones(tmp_path: Path) -> None:
    """Every top-level folder is named, 2 before 10, also one without images."""
    save_png(tmp_path / "c10" / "a.png")
    save_png(tmp_path / "c2" / "a.png")
    (tmp_path / "c9").mkdir()
    assert find_images(tmp_path).folders == ("c2", "c9", "c10")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a10", "a9", "A1"], ["A1", "a9", "a10"]),
        (["x", "10", "9"], ["9", "10", "x"]),
        (["a01", "a1"], ["a01", "a1"]),
    ],
)
def test_natural_key_reads_digits_as_numbers(names: list[str], expected: list[str]) -> None:
    """Digits compare as numbers, case does not matter, and the order is total."""
    for permutation in permutations(names):
        assert sorted(permutation, key=natural_key) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    """A linked class folder counts, a link back to an ancestor does not, a dead link is kept."""
    save_png(tmp_path / "elsewhere" / "x.png")
    root = tmp_path / "root"
    root.mkdir()
    (root / "cat").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(root)
    (root / "dead.png").symlink_to(tmp_path / "gone.png")
    assert paths(root) == ["dead.png", "cat/x.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_not_utf8_become_printable(tmp_path: Path) -> None:
    """The path in reports is valid text, the location still opens."""
    save_png(tmp_path / "ok.png").rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))
    (record,) = find_images(tmp_path).records
    assert record.path == r"\xff.png"
    assert record.location.is_file()


def test_table_lists_its_rows_in_order_relative_to_itself(tmp_path: Path) -> None:
    """Rows keep their order; missing, absolute and outside files stay in the list."""
    outside = save_png(tmp_path / "other" / "o.png")
    save_png(tmp_path / "set" / "b" / "x.png")
    table = tmp_path / "set" / "list.csv"
    table.write_text(
        f"path,label\nb\\x.png,1\n./gone.png,0\n../other/o.png,2\n{tmp_path / 'set' / 'y.png'},3\n"
    )
    listing = find_images(table)
    assert listing.kind == Kind.TABLE
    assert [one.path for one in listing.records] == [
        "b/x.png",
        "gone.png",
        "../other/o.png",
        "y.png",
    ]
    assert [one.listed_label for one in listing.records] == ["1", "0", "2", "3"]
    assert listing.records[0].folder_label == "b"
    assert listing.records[2].location.samefile(outside)


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".csv", "path,label\na.png,0\nb c.png,tench\n"),
        (".csv", "a.png,0\nb c.png,tench\n"),
        (".csv", "\ufeffPath;Label\r\na.png;0\r\n\r\nb c.png;tench\r\n"),
        (".tsv", "id\tlabel\tpath\n7\t0\ta.png\n8\ttench\tb c.png\n"),
        (".csv", '"a.png", "0"\n"b c.png", tench\n'),
    ],
    ids=["header", "no-header", "bom-semicolon", "tab-more-columns", "quotes"],
)
def test_read_table_accepts(tmp_path: Path, suffix: str, text: str) -> None:
    """Headers are optional, delimiters and columns are found."""
    file = tmp_path / f"t{suffix}"
    file.write_bytes(text.encode())
    rows = [(row.path, (row.label or "").strip(' "')) for row in read_table(file)]
    assert rows == [("a.png", "0"), ("b c.png", "tench")]


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "no row at all"),
        (b"path,label\n", "no row at all"),
        (b"path,label\na.png,0\n./a.png,0\n", r"line 3 repeats 'a.png' of line 2"),
        (b"path,label\na.png\n,1\n", r"line 2 has no path or no label; line 3"),
        (b"path,label\na\xff.png,1\n", "UTF-8"),
        (b'path,label\n"a.png,1\n', "fault in line"),
    ],
)
def test_read_table_refuses(tmp_path: Path, data: bytes, match: str) -> None:
    """A faulty table is a SpecError with the lines of its faults."""
    file = tmp_path / "t.csv"
    file.write_bytes(data)
    with pytest.raises(SpecError, match=match):
        read_table(file)


def test_nothing_to_find_is_an_error_that_says_what_is_there(tmp_path: Path) -> None:
    """A missing path, an empty folder, other files and a single image are told apart."""
    with pytest.raises(ImageError, match="found nothing"):
        find_images(tmp_path / "gone")
    with pytest.raises(ImageError, match="found no file"):
        find_images(tmp_path)
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    with pytest.raises(ImageError, match=r"found 1 file \(\.gif\)"):
        find_images(tmp_path)
    single = save_png(tmp_path / "one.png")
    with pytest.raises(ImageError, match=r"found a file \.png.*folder of this file"):
        find_images(single)


@pytest.mark.parametrize("is_compressed", [False, True])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW", "NHW", "NHW1"])
def test_npz_images_come_back_in_rgb(tmp_path: Path, layout: str, *, is_compressed: bool) -> None:
    """Every layout gives the same (H, W, 3) images; grey is repeated."""
    images = np.stack([photograph((20, 24), seed) for seed in range(3)])
    if layout.startswith("NHW") and layout != "NHWC":
        images[:] = images[..., :1]
    stored = {
        "NHWC": images,
        "NCHW": images.transpose(0, 3, 1, 2),
        "NHW": images[..., 0],
        "NHW1": images[..., :1],
    }[layout]
    file = tmp_path / "set.npz"
    save = np.savez_compressed if is_compressed else np.savez
    save(file, images=stored, labels=np.array([4, 5, 6]))
    listing = find_images(file)
    assert listing.kind == Kind.NPZ
    assert [one.path for one in listing.records] == ["set.npz[0]", "set.npz[1]", "set.npz[2]"]
    assert [one.listed_label for one in listing.records] == ["4", "5", "6"]
    for position, image in enumerate(images):
        found = npz_image(file, position)
        np.testing.assert_array_equal(found, image)
        assert found.flags.c_contiguous


def test_npz_that_was_written_again_is_read_again(tmp_path: Path) -> None:
    """The kept array belongs to one version of the file."""
    file = tmp_path / "set.npz"
    for seed in (1, 2):
        image = photograph((16, 16), seed)
        np.savez(file, images=image[None])
        os.utime(file, ns=(seed, seed))
        np.testing.assert_array_equal(npz_image(file, 0), image)


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"pictures": np.zeros((2, 16, 16, 3), np.uint8)}, "images.npy"),
        ({"images": np.zeros((2, 16, 16, 3), np.float32)}, "found float32 of shape"),
        ({"images": np.zeros((2, 16, 16, 4), np.uint8)}, r"found uint8 of shape \(2, 16, 16, 4\)"),
        ({"images": np.zeros((0, 16, 16, 3), np.uint8)}, r"\(0, 16, 16, 3\)"),
        ({"images": np.zeros((2, 15, 16, 3), np.uint8)}, "at least 16 px"),
        ({"images": np.array([None, 1])}, "found object"),
        (
            {"images": np.zeros((2, 16, 16, 3), np.uint8), "labels": np.zeros(3, int)},
            r"'labels' of shape \(2,\).*found int64 of shape \(3,\)",
        ),
        (
            {"images": np.zeros((2, 16, 16, 3), np.uint8), "labels": np.array([None, 1])},
            "whole numbers or text",
        ),
    ],
)
def test_npz_of_another_form_is_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], match: str
) -> None:
    """Missing, misshapen, too small and pickled arrays are named, and never unpickled."""
    file = tmp_path / "set.npz"
    np.savez(file, **arrays)  # type: ignore[arg-type]  # its allow_pickle confuses the check
    with pytest.raises(ImageError, match=match):
        find_images(file)


def test_npz_with_damaged_or_missing_images_is_refused_when_read(tmp_path: Path) -> None:
    """Damage behind a sound header, and a position beyond the end, are found on reading."""
    file = tmp_path / "set.npz"
    np.savez(file, images=photograph((64, 64))[None])
    with pytest.raises(ImageError, match="Expected image 1 in"):
        npz_image(file, 1)
    data = bytearray(file.read_bytes())
    data[9000] ^= 255
    file.write_bytes(data)
    os.utime(file, ns=(1, 1))
    assert len(find_images(file).records) == 1
    with pytest.raises(ImageError, match="found a damaged file"):
        npz_image(file, 0)


def test_npz_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    """A damaged archive is an ImageError that names the form expected."""
    file = tmp_path / "set.npz"
    file.write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(ImageError, match="Expected uint8 'images'"):
        find_images(file)


def test_npz_that_expands_beyond_measure_is_refused(tmp_path: Path) -> None:
    """A few megabytes that announce gigabytes are refused before they are decompressed."""
    file = tmp_path / "set.npz"
    header = io.BytesIO()
    shape = {"descr": "|u1", "fortran_order": False, "shape": (30_000, 224, 224, 3)}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", header.getvalue() + bytes(1 << 20))
    with pytest.raises(ImageError, match=r"4,515,840,000 bytes of images from"):
        find_images(file)


def test_table_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is called labels.csv beside images may be anything; it is not read whole to find out."""
    file = tmp_path / "set.csv"
    file.write_text("path,label\na.png,0\n")
    monkeypatch.setattr(tables, "MAX_BYTES", 10)
    with pytest.raises(SpecError, match="at most 10 bytes"):
        find_images(file)
    with pytest.raises(SpecError, match="at most 10 bytes"):
        tables.read_text(Path("/dev/zero"))  # has no size, and no end
