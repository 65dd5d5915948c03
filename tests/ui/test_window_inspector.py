"""The band inspector driven as a user drives it, with the engine in this process."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from audit_material import convnet_spec
from hypothesis import example, given
from hypothesis import strategies as st
from iaside_ui.app import Program
from iaside_ui.state import ActionKey, Form, Page
from iaside_ui.state.inspection import (
    Preset,
    coalition_text,
    preset_code,
)
from iaside_ui.state.pictures import MIDDLE, SHOWN_SHARE, amplified, to_pixels
from iaside_ui.views.band_tiles import columns_for
from PySide6.QtCore import QPoint, Qt
from window_steps import shown

from iaside_audit.auditing.inspector.interactive import InteractiveClassifier
from iaside_audit.auditing.workers import InProcessWorker
from iaside_audit.choices import Norm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from iaside_audit.auditing.inspector.exploration import Reply
    from iaside_audit.spec import AuditSpec

BANDS = 4
GRAND = (1 << BANDS) - 1
N_IMAGES = 3


def make_classifier(
    on_reply: Callable[[Reply], None], on_failed: Callable[[Exception], None]
) -> InteractiveClassifier:
    """Return the engine's classifier with its worker in this process."""
    return InteractiveClassifier(on_reply, on_failed, start_worker=lambda _: InProcessWorker())


@pytest.fixture
def spec(tmp_path: Path) -> AuditSpec:
    """Return the audit of a small network on a few images."""
    return replace(convnet_spec(tmp_path, n_images=N_IMAGES), bands=BANDS, device="cpu")


@pytest.fixture
def program(qtbot: QtBot, tmp_path: Path) -> Iterator[Program]:
    """Show the whole program."""
    own = Program(tmp_path / "preferences.json", make_classifier=make_classifier)
    with shown(qtbot, own) as program:
        yield program


def inspect(program: Program, qtbot: QtBot, spec: AuditSpec) -> None:
    """Open a model in the inspector, and wait until its first image is explained."""
    program.shell.change(page=Page.INSPECTOR)
    program.inspector.open(spec)
    wait_for_all(program, qtbot)


def wait_for_all(program: Program, qtbot: QtBot) -> None:
    """Wait until every question is answered."""

    def is_answered() -> bool:
        state = program.inspector.state
        known = state.explanation
        return known is not None and known.n_done == known.n_total and state.composed is not None

    qtbot.waitUntil(is_answered, timeout=30_000)


def wait_for_code(program: Program, qtbot: QtBot, code: int) -> None:
    """Wait until a coalition is shown."""

    def is_shown() -> bool:
        composed = program.inspector.state.composed
        return composed is not None and composed.composition.code == code

    qtbot.waitUntil(is_shown, timeout=30_000)


def test_inspector_shows_image_bands_answer_and_values(
    program: Program, qtbot: QtBot, spec: AuditSpec
) -> None:
    """After opening, everything is there: bands, spectrum, answer, Shapley values, sweeps."""
    inspect(program, qtbot, spec)
    page = program.window.inspector_page
    assert len(page.tiles.tiles) == BANDS
    assert all(not tile.picture.image.isNull() for tile in page.tiles.tiles)
    assert not page.composed.image.isNull()
    assert not page.spectrum.image.isNull()
    assert len(page.answers) == 5
    assert page.flip_text.startswith("Low-pass: ")
    assert len(page.shapley.accessibleDescription().split(",")) == BANDS
    values = program.inspector.state.explanation
    assert values is not None
    assert f"{values.shapley[1]:+.2f}" in page.tiles.tiles[1]._value.text()  # type: ignore[index]


def test_inspector_follows_the_form_where_no_result_is_open(
    program: Program, monkeypatch: pytest.MonkeyPatch, spec: AuditSpec
) -> None:
    """The demo gives way to the user's own model; what is looked at already is left alone."""
    asked: list[AuditSpec] = []
    monkeypatch.setattr(program.inspector, "open", asked.append)
    look = program.window.actions_by_key[ActionKey.INSPECT_BANDS].trigger
    look()
    look()
    assert [one.model.name for one in asked] == ["efficientnet_lite0"]
    program.setup.change(Form.of_spec(spec))
    look()
    look()
    assert asked[1:] == [spec]


def test_ticking_a_band_asks_for_that_coalition(
    program: Program, qtbot: QtBot, spec: AuditSpec
) -> None:
    """A click on a box, or on its picture, takes the band out of what the model sees."""
    inspect(program, qtbot, spec)
    tiles = program.window.inspector_page.tiles.tiles
    qtbot.mouseClick(tiles[1].picture, Qt.MouseButton.LeftButton)
    wait_for_code(program, qtbot, GRAND & ~2)
    tiles[3].box.setFocus()
    qtbot.keyClick(tiles[3].box, Qt.Key.Key_Space)
    wait_for_code(program, qtbot, 0b0101)
    assert "bands 0, 2" in program.window.inspector_page._coalition.text()


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (ActionKey.NO_BANDS, 0),
        (ActionKey.BANDS_UP_TO, 0b0011),
        (ActionKey.BANDS_FROM, 0b1110),
        (ActionKey.ONLY_BAND, 0b0010),
        (ActionKey.WITHOUT_BAND, 0b1101),
    ],
)
def test_presets_are_about_the_chosen_band(
    program: Program, qtbot: QtBot, spec: AuditSpec, key: ActionKey, code: int
) -> None:
    """Each preset shows its coalition, and all bands bring the image back."""
    inspect(program, qtbot, spec)
    page = program.window.inspector_page
    page._band.setValue(1)
    program.window.actions_by_key[key].trigger()
    wait_for_code(program, qtbot, code)
    ticked = [tile.box.isChecked() for tile in page.tiles.tiles]
    assert ticked == [bool(code >> band & 1) for band in range(BANDS)]
    program.window.actions_by_key[ActionKey.ALL_BANDS].trigger()
    wait_for_code(program, qtbot, GRAND)


def test_images_are_stepped_through_by_keyboard(
    program: Program, qtbot: QtBot, spec: AuditSpec
) -> None:
    """Page down goes to the next image and, after the last, to the first again."""
    inspect(program, qtbot, spec)
    seen = []
    for _ in range(N_IMAGES):
        seen.append(program.inspector.state.shown.view.record.path)  # type: ignore[union-attr]
        qtbot.keyClick(program.window, Qt.Key.Key_PageDown)
        wait_for_all(program, qtbot)
    assert len(set(seen)) == N_IMAGES
    assert program.inspector.state.subject.place == 0  # type: ignore[union-attr]


def test_slider_and_switches_cut_the_image_otherwise(
    program: Program, qtbot: QtBot, spec: AuditSpec
) -> None:
    """Bands, baseline, range and radius arrive at the engine; the tiles follow."""
    inspect(program, qtbot, spec)
    page = program.window.inspector_page
    page.cut.slider.setValue(6)
    wait_for_all(program, qtbot)
    assert len(page.tiles.tiles) == 6
    page.cut.baseline.setCurrentText("mean")
    page.cut.range.setCurrentText("clip")
    page.cut.norm.setCurrentText("l2")
    wait_for_all(program, qtbot)
    subject = program.inspector.state.subject
    assert subject is not None
    assert (subject.spec.baseline, subject.spec.range.value) == ("mean", "clip")
    assert subject.spec.norm == Norm.L2
    view = program.inspector.state.shown.view  # type: ignore[union-attr]
    assert view.subject == subject


def test_impossible_cut_is_said_and_the_next_one_works(
    program: Program, qtbot: QtBot, spec: AuditSpec
) -> None:
    """A spacing too fine for the image is a message; another choice brings pictures again."""
    inspect(program, qtbot, spec)
    page = program.window.inspector_page
    page.cut.slider.setValue(12)
    wait_for_all(program, qtbot)
    page.cut.spacing.setCurrentText("octave")
    bar = program.window.message_bar
    qtbot.waitUntil(lambda: "largest number of bands" in bar.text)
    page.cut.slider.setValue(3)
    wait_for_all(program, qtbot)
    assert len(page.tiles.tiles) == 3


def test_click_on_a_sweep_chooses_its_step(program: Program, qtbot: QtBot, spec: AuditSpec) -> None:
    """The coalition of the nearest point of the two curves is shown."""
    inspect(program, qtbot, spec)
    plot = program.window.inspector_page.sweeps
    exported = program.window.exported_widget()
    assert exported is not None
    assert exported.isAncestorOf(plot)
    assert exported.isAncestorOf(program.window.inspector_page.shapley)
    rows = program.window.numbers_of(exported)
    assert rows[0][:3] == ("band", "shapley", "bands_kept")
    assert rows[-1][:3] == ("", "", len(rows) - 2)
    assert {len(row) for row in rows} == {len(rows[0])}
    known = program.inspector.state.explanation
    assert known is not None
    assert known.low_pass is not None
    view = plot.plot.view
    share = float(np.exp(known.low_pass.log_p[2]))
    place = view.mapViewToScene(view.mapToView(view.mapFromView(_point(2, share))))
    spot = plot.plot.mapFromScene(place)
    qtbot.mouseClick(plot.plot.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(spot))
    codes = {int(known.low_pass.codes[2]), int(known.high_pass.codes[2])}  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: program.inspector.state.code in codes)


def _point(x: float, y: float) -> object:
    from PySide6.QtCore import QPointF  # noqa: PLC0415 - only here

    return QPointF(x, y)


def test_missing_model_is_said_and_another_can_be_opened(
    program: Program, qtbot: QtBot, spec: AuditSpec, tmp_path: Path
) -> None:
    """A model that is gone costs a message."""
    program.shell.change(page=Page.INSPECTOR)
    program.inspector.open(replace(spec, model=tmp_path / "gone.onnx"))
    qtbot.waitUntil(lambda: "gone.onnx" in program.window.message_bar.text)
    inspect(program, qtbot, spec)
    assert program.window.inspector_page.answers


@pytest.mark.slow
def test_memory_is_steady_over_many_images(program: Program, qtbot: QtBot, spec: AuditSpec) -> None:
    """Two hundred steps leave as many widgets and threads as two."""
    inspect(program, qtbot, spec)
    page = program.window.inspector_page
    before = len(page.findChildren(type(page.composed)))
    for step in range(200):
        program.inspector.choose_place(step)
        if step % 10 == 0:
            qtbot.waitUntil(lambda: not program.inspector.state.stage, timeout=30_000)
    wait_for_all(program, qtbot)
    assert len(page.findChildren(type(page.composed))) == before


@given(st.integers(2, 32), st.data())
def test_presets_are_complements_and_unions(n_bands: int, data: st.DataObject) -> None:
    """Only and without are complements; low-pass and high-pass overlap in the band itself."""
    band = data.draw(st.integers(0, n_bands - 1))
    only, without, low, high = (
        preset_code(one, band, n_bands)
        for one in (Preset.ONLY, Preset.WITHOUT, Preset.UP_TO, Preset.FROM)
    )
    everyone = preset_code(Preset.ALL, band, n_bands)
    assert only ^ without == everyone == low | high
    assert low & high == only


@given(st.integers(1, 12), st.integers(0, (1 << 12) - 1))
def test_coalition_text_names_every_band_once(n_bands: int, code: int) -> None:
    """The words of a coalition read back as the coalition."""
    code &= (1 << n_bands) - 1
    text = coalition_text(code, n_bands)
    if code == 0:
        assert text == "no band"
    elif code == (1 << n_bands) - 1:
        assert text == "all bands"
    else:
        found = 0
        for part in text.partition(" ")[2].split(", "):
            ends = [int(one) for one in part.replace("to", "and").split(" and ")]
            for band in range(ends[0], ends[-1] + 1):
                found |= 1 << band
        assert found == code


@given(st.floats(1e-4, 0.9), st.integers(0, 10))
@example(0.0390625, 0)  # between gains of 2 and 5
def test_amplified_band_fits_its_range(size: float, seed: int) -> None:
    """Nearly all values are shown uncut, and the next gain would cut them."""
    band = (size * np.random.default_rng(seed).standard_normal((3, 16, 16))).astype(np.float32)
    picture = amplified(band)
    reach = float(np.quantile(np.abs(band), SHOWN_SHARE))
    assert picture.gain == 1 or picture.gain * reach <= MIDDLE
    assert picture.pixels.shape == (16, 16, 3)


def test_pixels_are_rounded_and_cut() -> None:
    """0 is black, 1 white, what lies beyond is cut; a grey image gets three channels."""
    image = np.array([[[-0.1, 0.0, 0.5, 1.0, 1.2]]], dtype=np.float32)
    assert to_pixels(image)[0, :, 0].tolist() == [0, 0, 128, 255, 255]
    assert to_pixels(image).shape == (1, 5, 3)


@pytest.mark.parametrize("n_bands", range(2, 33))
def test_tiles_fill_their_room(n_bands: int) -> None:
    """Whatever the number of bands, no other number of columns gives larger pictures."""
    width, height, below = 660, 560, 22
    columns = columns_for(n_bands, width, height, below)
    assert 1 <= columns <= n_bands
    assert columns * -(-n_bands // columns) >= n_bands
