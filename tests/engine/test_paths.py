"""A path that the system does not look up is an error of this package, wherever it is given."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import iaside_audit as ia
from iaside_audit.auditing.model import resolve_model
from iaside_audit.classifier.preprocessing_sources import find_preprocessing
from iaside_audit.images import find_images
from iaside_audit.images.tables import read_text
from iaside_audit.paths import check_path

if TYPE_CHECKING:
    from collections.abc import Callable

IMPOSSIBLE = {"too long": "z" * 300, "null": "a\0b"}


class Place(NamedTuple):
    """What a path is given to, and the error that says that it is none."""

    name: str
    give: Callable[[str], Any]  # Any: nothing comes back
    error: type[ia.IASideError] = ia.SpecError


PLACES = [
    Place("model", lambda text: resolve_model(Path(text))),
    Place("images", lambda text: find_images(Path(text))),
    Place("class names", lambda text: read_text(Path(text))),
    Place(
        "preprocessing",
        lambda text: find_preprocessing(text, model=Path("m.onnx"), sha256="", metadata={}),
    ),
    Place("out", lambda text: ia.audit(ia.AuditSpec(model="m.onnx", images="i"), out=text)),  # type: ignore[arg-type]
    Place("result", ia.load_result, ia.ReportError),
]


@pytest.mark.parametrize("text", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
@pytest.mark.parametrize("place", PLACES, ids=lambda one: one.name)
def test_a_name_that_no_file_can_have_is_refused(place: Place, text: str) -> None:
    """Of the tree, not of Python, and not longer than a line or two."""
    with pytest.raises(place.error, match=r"can be looked up, found .*Check the path") as caught:
        place.give(text)
    assert caught.value.path == text
    assert len(caught.value.message) < 200


def test_a_closed_folder_is_named_and_a_missing_file_left_to_its_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether something lies there is not asked, only whether it can be."""
    check_path(tmp_path / "nothing" / "nothing", to="a model")
    check_path(tmp_path, to="images")
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(ia.SpecError, match=f"circle': {os.strerror(errno.ELOOP)}"):
        check_path(tmp_path / "circle", to="images")

    def closed(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", closed)
    with pytest.raises(ia.SpecError, match="Permission denied"):
        check_path(tmp_path, to="images")
