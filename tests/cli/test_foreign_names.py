"""Names of models and images are somebody else's: they are shown, and do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from audit_material import ConvNet, command_here, convnet_spec, save_images

if TYPE_CHECKING:
    from pathlib import Path

UNUSABLE, WORSE_THAN_ASKED = 2, 4
COMMANDING = "x\x1b]0;owned\x07\x1b[2J\u202e"
"""What would rename a terminal's window, clear it, and turn the direction of writing."""


def test_names_are_never_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Square brackets in the names of model, folders and images are shown as they are."""
    model = ConvNet().save(tmp_path / "mod[red]el.onnx")
    images = save_images(tmp_path / "im[/bold]ages", 4)
    (images / "[link=x].png").write_bytes(b"")
    with (images / "labels.csv").open("a") as table:
        table.write("[link=x].png,0\n")
    out = tmp_path / "[yellow]out"
    words = ["run", model, "--images", images, "--out", out, "--bands", 4, "--formats", "pdf"]
    outcome = command_here(capsys, *words)
    assert outcome.code == WORSE_THAN_ASKED, outcome.err
    assert (
        "Left out [link=x].png: Expected a PNG, JPEG, WebP, BMP or TIFF image in '[link=x].png'"
        in " ".join(outcome.err.split())
    )
    assert str(out / "report.pdf") in outcome.out.splitlines()[-1]
    missing = command_here(capsys, "run", "[red]", "--images", images, "--out", tmp_path / "x")
    assert "found nothing at '[red]'" in missing.err


@pytest.mark.parametrize("words", [("inspect",), ("run", "--images", ".", "--out", "o")])
def test_name_of_a_missing_model_commands_no_terminal(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """An error shows a stranger's control characters, and does not send them."""
    outcome = command_here(capsys, *words, f"{COMMANDING}.onnx")
    assert outcome.code == UNUSABLE
    assert r"x\x1b]0;owned\x07\x1b[2J\u202e.onnx" in outcome.err
    assert outcome.err.replace("\n", "").isprintable()


def test_name_of_a_damaged_image_commands_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor does what is said of an image that is left out."""
    spec = convnet_spec(tmp_path)
    (tmp_path / "images" / f"{COMMANDING}.png").write_bytes(b"no image")
    words = ("--labels", "self", "--bands", "4", "--formats", "json", "--out", tmp_path / "out")
    outcome = command_here(capsys, "run", spec.model, "--images", spec.images, *words)
    assert r"x\x1b]0;owned" in outcome.err
    assert (outcome.err + outcome.out).replace("\n", "").isprintable()
