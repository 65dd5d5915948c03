"""Labels: each rule of INTERFACE.md gives what it says, and anything else is an error."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from shared_material import shared
from strategies_images import photograph, save_png

from iaside_audit.errors import SpecError
from iaside_audit.images import Labelling, class_table, find_images, resolve_labels

if TYPE_CHECKING:
    from pathlib import Path


def tree(root: Path, *names: str) -> Path:
    """Write small images of these names and return the folder."""
    for name in names:
        save_png(root / name, (16, 16))
    return root


def labelled(images: Path, **options: object) -> dict[str, int | None]:
    """Return the label of each path."""
    found = resolve(images, **options)
    return {one.path: label for one, label in zip(found.records, found.labels, strict=True)}


def resolve(images: Path, **options: object) -> Labelling:
    """Find images and their labels."""
    return resolve_labels(find_images(images), **options)  # type: ignore[arg-type]  # test helper


TENCH, HEN = "n01440764", "n01514859"
"""Classes 0 and 8 of ImageNet."""


def test_wnid_folders_use_the_shipped_table(tmp_path: Path) -> None:
    """With 1000 outputs, wnid folders are ImageNet's positions, with ImageNet's names."""
    root = tree(tmp_path, f"{HEN}/a.png", f"{TENCH}/b.png")
    found = resolve(root, n_classes=1000)
    assert found.labels == (0, 8)
    assert found.class_names is not None
    assert (found.class_names[8], len(found.class_names)) == ("hen", 1000)
    assert found.source == "class folders named by wnid"
    assert found.warnings == ()


def test_wnid_folders_move_up_by_one_with_a_background_class(tmp_path: Path) -> None:
    """With 1001 outputs, position 0 is the background, and every class moves up."""
    root = tree(tmp_path, f"{HEN}/a.png")
    found = resolve(root, n_classes=1001)
    assert found.labels == (9,)
    assert found.class_names is not None
    assert found.class_names[:2] == ("background", "tench")


def test_wnid_folders_of_another_model_go_by_natural_order(tmp_path: Path) -> None:
    """As many wnid folders as outputs, and no table: natural order, with a warning."""
    root = tree(tmp_path, f"{HEN}/a.png", f"{TENCH}/b.png")
    found = resolve(root, n_classes=2)
    assert found.labels == (0, 1)
    assert found.class_names == (TENCH, HEN)
    assert len(found.warnings) == 1
    assert "natural order" in found.warnings[0]


def test_numbered_folders_are_positions(tmp_path: Path) -> None:
    """Whole numbers are positions in the output, leading zeros or not, without a warning."""
    root = tree(tmp_path, "2/a.png", "007/b.png", "10/c.png")
    assert labelled(root, n_classes=11) == {"2/a.png": 2, "007/b.png": 7, "10/c.png": 10}
    assert resolve(root, n_classes=11).warnings == ()


def test_named_folders_use_the_classes_given(tmp_path: Path) -> None:
    """Folder names are looked up in --classes, in whatever order it lists them."""
    root = tree(tmp_path / "images", "cat/a.png", "dog/b.png")
    classes = tmp_path / "classes.txt"
    classes.write_text("dog\nzebra\ncat\n")
    found = resolve(root, classes=classes, n_classes=3)
    assert found.labels == (2, 0)
    assert found.class_names == ("dog", "zebra", "cat")
    assert found.source == "class folders named as in classes.txt"


def test_folders_in_natural_order_come_with_a_warning(tmp_path: Path) -> None:
    """As many folders as outputs are taken in natural order, empty ones included."""
    root = tree(tmp_path, "c10/a.png", "c2/b.png")
    (root / "c9").mkdir()
    found = resolve(root, n_classes=3)
    assert found.labels == (2, 0)
    assert found.class_names == ("c2", "c9", "c10")
    assert "0 is 'c2', 2 is 'c10'" in found.warnings[0]


def test_a_thousand_folders_of_other_classes_do_not_get_the_names_of_imagenet(
    tmp_path: Path,
) -> None:
    """The shipped table says nothing about a model whose 1000 classes have other names."""
    root = tree(tmp_path, "own 0/a.png")
    for number in range(1, 1000):
        (root / f"own {number}").mkdir()
    found = resolve(root, n_classes=1000)
    assert found.class_names is not None
    assert found.class_names[999] == "own 999"


def test_images_outside_class_folders_are_ignored_and_counted(tmp_path: Path) -> None:
    """An image at the top of a tree of class folders has no class."""
    root = tree(tmp_path, "0/a.png", "1/b.png", "cover.png")
    found = resolve(root, n_classes=2)
    assert [one.path for one in found.records] == ["0/a.png", "1/b.png"]
    assert found.n_ignored == 1


def test_file_names_that_begin_with_wnids_are_read(tmp_path: Path) -> None:
    """<wnid>_anything labels a flat folder."""
    root = tree(tmp_path, f"{HEN}_7.png", f"{TENCH}_tench.png")
    assert resolve(root, n_classes=1000).labels == (0, 8)
    assert resolve(root, n_classes=1001).labels == (1, 9)
    with pytest.raises(SpecError, match="--labels self"):
        resolve(root, n_classes=10)
    with pytest.raises(SpecError, match="--labels self"):
        resolve(root, n_classes=1000, labels="folder")


def test_self_leaves_every_label_to_the_model(tmp_path: Path) -> None:
    """With self, folders and tables are not read at all."""
    root = tree(tmp_path, "0/a.png", "b.png")
    (root / "labels.csv").write_text("nonsense")
    found = resolve(root, labels="self", n_classes=2)
    assert found.labels == (None, None)
    assert "model" in found.source


def test_labels_csv_in_the_folder_wins_over_class_folders(tmp_path: Path) -> None:
    """Its rows decide which images take part and in which order; the others are counted."""
    root = tree(tmp_path, "0/a.png", "0/b.png", "1/c.png")
    (root / "labels.csv").write_text("path,label\n1/c.png,5\n0/a.png,3\n")
    found = resolve(root, n_classes=6)
    assert [one.path for one in found.records] == ["1/c.png", "0/a.png"]
    assert found.labels == (5, 3)
    assert found.n_ignored == 1
    assert found.source == "labels.csv"
    assert resolve(root, labels="folder", n_classes=6).labels == (0, 0, 1)


def test_labels_csv_beside_the_folder_counts_where_it_names_an_image(tmp_path: Path) -> None:
    """A table beside the folder is used if it is about these images, else left alone."""
    root = tree(tmp_path / "images", "0/a.png")
    table = tmp_path / "labels.csv"
    table.write_text("path,label\n0/a.png,4\n")
    assert resolve(root, n_classes=5).labels == (4,)
    table.write_text("path,label\nothers/x.png,4\n")
    assert resolve(root, n_classes=5).labels == (0,)


def test_listed_files_that_are_missing_stay_in_the_list(tmp_path: Path) -> None:
    """A row without a file is kept, to be reported as damaged when it is read."""
    root = tree(tmp_path, "a.png")
    (root / "labels.csv").write_text("path,label\na.png,1\ngone.png,0\n")
    assert labelled(root, n_classes=2) == {"a.png": 1, "gone.png": 0}


def test_labels_given_as_a_file_are_relative_to_the_folder_of_images(tmp_path: Path) -> None:
    """--labels FILE may lie anywhere; its paths start from the folder of images."""
    root = tree(tmp_path / "images", "a.png", "b.png")
    table = tmp_path / "elsewhere" / "mine.tsv"
    table.parent.mkdir()
    table.write_text("b.png\t1\n")
    found = resolve(root, labels=str(table), n_classes=2)
    assert [one.location for one in found.records] == [root / "b.png"]
    assert (found.labels, found.n_ignored) == ((1,), 1)


def test_labels_given_beside_a_table_of_images_are_relative_to_themselves(tmp_path: Path) -> None:
    """Where the images are a table, the paths of --labels FILE start from FILE."""
    tree(tmp_path, "one/x.png", "two/x.png")
    images, labels = tmp_path / "one" / "list.csv", tmp_path / "two" / "labels.csv"
    images.write_text("path\nx.png\n")
    labels.write_text("path,label\nx.png,1\n../one/x.png,0\n")
    found = resolve(images, labels=str(labels), n_classes=2)
    assert [one.location.resolve() for one in found.records] == [
        tmp_path / "two" / "x.png",
        tmp_path / "one" / "x.png",
    ]
    assert found.labels == (1, 0)


def test_table_of_images_brings_its_labels(tmp_path: Path) -> None:
    """Index, wnid and name may stand in one column."""
    table = tmp_path / "list.csv"
    table.write_text(f"path,label\na.png,3\nb.png,{HEN}\nc.png,electric ray\n")
    assert labelled(table, n_classes=1000) == {"a.png": 3, "b.png": 8, "c.png": 5}
    assert labelled(table, n_classes=1001) == {"a.png": 3, "b.png": 9, "c.png": 6}


def test_npz_brings_its_labels(tmp_path: Path) -> None:
    """Labels of an array are read; without them only self works."""
    file = tmp_path / "set.npz"
    images = photograph((16, 16))[None]
    np.savez(file, images=images, labels=np.array([7]))
    assert labelled(file, n_classes=10) == {"set.npz[0]": 7}
    np.savez(file, images=images)
    with pytest.raises(SpecError, match="--labels self"):
        resolve(file, n_classes=10)
    assert labelled(file, labels="self", n_classes=10) == {"set.npz[0]": None}
    (tmp_path / "mine.csv").write_text("set.npz[0],2\n")
    assert labelled(file, labels=str(tmp_path / "mine.csv"), n_classes=10) == {"set.npz[0]": 2}


@pytest.mark.parametrize(
    ("label", "n_classes", "match"),
    [
        ("10", 10, r"from 0 to 9 in .*labels\.csv', found '10'"),
        ("-1", 10, "found '-1'"),
        ("3.0", 10, "found '3.0'"),
        ("", 10, "found ''"),
        ("n99999999", 1000, "from 0 to 999.*ImageNet.*found 'n99999999'"),
        ("tensh", 1000, "found 'tensh' Did you mean 'tench'"),
        ("crane", 1000, r"'crane', which names the classes \(134, 517\)"),
    ],
)
def test_a_label_that_is_no_class_is_refused(
    tmp_path: Path, label: str, n_classes: int, match: str
) -> None:
    """The error names the label, the file and the range."""
    root = tree(tmp_path, "a.png")
    (root / "labels.csv").write_text(f"path,label\na.png,{label}\n")
    with pytest.raises(SpecError, match=match):
        resolve(root, n_classes=n_classes)


def test_folders_that_are_no_classes_are_refused(tmp_path: Path) -> None:
    """Numbers beyond the outputs, unknown wnids, and folders that fit no rule."""
    with pytest.raises(SpecError, match=r"from 0 to 2.*found '3'"):
        resolve(tree(tmp_path / "numbers", "3/a.png"), n_classes=3)
    with pytest.raises(SpecError, match="n00000000"):
        resolve(tree(tmp_path / "wnids", "n00000000/a.png"), n_classes=1000)
    with pytest.raises(SpecError, match=r"found 2 folders \(cat, dog.*--labels self"):
        resolve(tree(tmp_path / "names", "cat/a.png", "dog/b.png"), n_classes=3)


def test_labels_that_are_no_source_are_refused(tmp_path: Path) -> None:
    """A mistyped word, and a table without labels, are told apart."""
    root = tree(tmp_path, "a.png")
    with pytest.raises(SpecError, match="auto, folder, self or a CSV file, found 'flder'"):
        resolve(root, labels="flder", n_classes=2)
    (tmp_path / "labels.csv").write_text("path\na.png\n")
    with pytest.raises(SpecError, match="found only paths"):
        resolve(root, n_classes=2)


def test_numbers_with_a_background_class_are_doubted(tmp_path: Path) -> None:
    """Numbers that stop at 999 on a model of 1001 outputs are taken as they are, with a warning."""
    root = tree(tmp_path, "a.png")
    (root / "labels.csv").write_text("a.png,5\n")
    found = resolve(root, n_classes=1001)
    assert found.labels == (5,)
    assert "1001 outputs" in found.warnings[0]
    (root / "labels.csv").write_text("a.png,1000\n")
    assert resolve(root, n_classes=1001).warnings == ()


def test_numbers_that_are_names_of_other_classes_are_doubted(tmp_path: Path) -> None:
    """A number is a position even where --classes gives that name to another one."""
    root = tree(tmp_path / "images", "1/a.png")
    classes = tmp_path / "classes.txt"
    classes.write_text("1\n2\n3\n")
    found = resolve(root, classes=classes, n_classes=3)
    assert found.labels == (1,)
    assert "taken for output 1, though classes.txt gives that name to output 0" in found.warnings[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.csv", "index,wnid,name\n1,n00000002,two\n0,n00000001,one\n"),
        ("c.tsv", "name\tindex\ntwo\t1\none\t0\n"),
        ("c.csv", "name\none\ntwo\n"),
        ("c.txt", "one\n\n two \n"),
        ("c.json", json.dumps({"1": "two", "0": "one"})),
        ("c.json", json.dumps(["one", "two"])),
        ("c.json", json.dumps({"0": ["n00000001", "one"], "1": ["n00000002", "two"]})),
    ],
)
def test_class_table_reads_every_form(tmp_path: Path, name: str, text: str) -> None:
    """CSV, TSV, JSON and plain text give the same names; outputs beyond them are numbered."""
    file = tmp_path / name
    file.write_text(text)
    table = class_table(file, 3)
    assert table.names == ("one", "two", "class 2")
    assert table.positions(["two", "0"], file) == {"two": 1, "0": 0}


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("c.csv", "index,label\n0,a\n", "header out of index, wnid and name"),
        ("c.csv", "index,name\nx,a\n", "whole number as index in line 2"),
        ("c.csv", "index,name\n0,a\n0,b\n", "found 0 twice"),
        ("c.txt", "a\nb\nc\n", r"from 0 to 1, each once, in 'c.txt', found 2 \(c\)"),
        ("c.txt", "\n", "found none"),
        ("c.json", "{", "Expected JSON"),
        ("c.json", "3", "Expected JSON"),
        ("c.json", '{"a": 1}', "Expected JSON"),
        ("c.json", '{"0": {"name": "x"}}', "Expected JSON"),
    ],
)
def test_class_table_refuses(tmp_path: Path, name: str, text: str, match: str) -> None:
    """A faulty table of classes is a SpecError that says what is wrong with it."""
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(SpecError, match=match):
        class_table(file, 2)


def test_names_given_for_imagenet_leave_wnids_known(tmp_path: Path) -> None:
    """A list of 1000 own names does not take the wnid folders their meaning."""
    root = tree(tmp_path / "images", f"{HEN}/a.png")
    classes = tmp_path / "names.txt"
    classes.write_text("\n".join(f"name {index}" for index in range(1000)))
    found = resolve(root, classes=classes, n_classes=1000)
    assert found.labels == (8,)
    assert found.class_names is not None
    assert found.class_names[8] == "name 8"


@pytest.mark.shared
def test_labels_of_the_zoo_agree_by_table_and_by_file_name() -> None:
    """The labels.csv beside the zoo's images says what the wnids in their names say."""
    images = shared("zoo/images")
    by_table = resolve(images, n_classes=1000)
    with shared("zoo/classes.csv").open(newline="") as file:
        names = {row["wnid"]: int(row["index"]) for row in csv.DictReader(file)}
    by_name = tuple(names[one.path.partition("_")[0]] for one in by_table.records)
    assert len(by_table.labels) == 200
    assert by_table.labels == by_name
    assert by_table.source == "labels.csv"
    assert by_table.n_ignored == 0


@pytest.mark.shared
def test_labels_of_cifar10_follow_the_classes_given() -> None:
    """Folders named as in classes.csv get its positions, the same as in natural order."""
    root = shared("hard/cifar10")
    found = resolve(root / "test", classes=root / "classes.csv", n_classes=10)
    assert found.class_names is not None
    names = [found.class_names[label or 0] for label in found.labels]
    assert names == [one.folder_label for one in found.records]
    assert len(found.records) == 400
    assert resolve(root / "test", n_classes=10).labels == found.labels
