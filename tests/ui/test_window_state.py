"""The snapshots that the window shows, without any Qt."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import iaside_ui
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iaside_ui.state import (
    ActionKey,
    AppState,
    NoteKind,
    OpenResult,
    Page,
    RunState,
    Severity,
    message_of,
    possible_actions,
    provenance,
)
from iaside_ui.state.run import MAX_POINTS
from iaside_ui.state.stages import STAGE_TITLES, stage_title
from sample_results import sample_result
from window_material import RESULT, estimate, image_done, planned

from iaside_audit.auditing.demo import demo_spec
from iaside_audit.classifier.preprocessing_sources import find_preprocessing
from iaside_audit.errors import ModelNotFoundError, PreprocessingMissingError, ReportError
from iaside_audit.events import AuditCancelled, ImageFailed, Preparing, Stage, Warned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LAYERS = ("controllers", "qtmodels", "state", "views")
TRANSLATES = {"tr", "_tr", "translate"}
"""Functions that give a text in the user's language."""

STATES = [
    AppState(page=page, is_running=is_running, is_busy=is_busy).with_result(opened)
    if opened is not None
    else AppState(page=page, is_running=is_running, is_busy=is_busy)
    for page in Page
    for is_running in (False, True)
    for is_busy in (False, True)
    for opened in (None, OpenResult(result=RESULT))
]
START = RunState(name="model.onnx", confidence=0.95)


def test_state_is_free_of_widgets() -> None:
    """Of Qt, snapshots need no more than the translator of their sentences."""
    code = (
        "import sys, iaside_ui.state, iaside_ui.state.comparison, iaside_ui.state.breakdown; "
        "sys.exit(bool({'PySide6.QtGui', 'PySide6.QtWidgets', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_run_state_folds_events() -> None:
    """Each event changes what it is about, and nothing is forgotten."""
    run = START.after(Preparing(stage=Stage.READING_IMAGES, done=2, total=5))
    assert (run.stage, run.n_done, run.n_total) == (Stage.READING_IMAGES, 2, 5)
    run = run.after(replace(planned(10), unused_pairs=4)).after(image_done(3))
    assert (run.stage, run.n_done, run.n_total) == (None, 3, 10)
    assert (run.evaluations_per_s, run.remaining_s) == (32.0, 3.5)
    run = run.after(estimate(3)).after(ImageFailed(path="a.png", reason="truncated"))
    run = run.after(Warned(code="few_images", message="Few."))
    assert run.bands == RESULT.bands
    assert [point.n_images for point in run.score] == [3]
    kinds = [note.kind for note in run.notes]
    assert kinds == [NoteKind.FACT, NoteKind.LEFT_OUT, NoteKind.WARNING]
    assert "4 pairs of orders are not used" in run.notes[0].text
    assert "a.png" in run.notes[1].text


@settings(max_examples=15)
@given(st.integers(1, 4 * MAX_POINTS))
def test_score_trace_is_bounded_and_keeps_the_newest(n_estimates: int) -> None:
    """However long an audit lasts, the trace stays short and ends at its newest point."""
    run = START
    for n_images in range(1, n_estimates + 1):
        run = run.after(estimate(n_images))
    counts = [point.n_images for point in run.score]
    assert len(counts) <= MAX_POINTS
    assert counts == sorted(counts)
    assert counts[-1] == n_estimates


@pytest.mark.parametrize("state", STATES, ids=[str(i) for i in range(len(STATES))])
def test_possible_actions_never_contradict(state: AppState) -> None:
    """Only what runs can be cancelled; only a result that is shown can be saved."""
    possible = possible_actions(state)
    assert (ActionKey.CANCEL_AUDIT in possible) == state.is_running
    assert ActionKey.TRY_DEMO in possible
    is_shown = state.opened is not None and state.page == Page.RESULT
    assert is_shown or not {ActionKey.SAVE_RESULT, ActionKey.EXPORT_REPORT} & possible
    assert ActionKey.QUIT in possible


def test_cancelling_cannot_be_paused() -> None:
    """An audit that was asked to stop is neither paused nor cancelled again."""
    possible = possible_actions(AppState(page=Page.RUN, is_running=True, is_cancelling=True))
    assert not {ActionKey.TOGGLE_PAUSE, ActionKey.CANCEL_AUDIT} & possible


def test_results_are_kept_side_by_side() -> None:
    """A file that is open already is shown again; closing shows the neighbour."""
    first, second = (OpenResult(result=RESULT, path=Path(name)) for name in ("a", "b"))
    state = AppState().with_result(first).with_result(second)
    assert state.opened is second
    again = OpenResult(result=RESULT, path=Path("a"))
    state = state.with_result(again)
    assert (len(state.results), state.opened) == (2, again)
    state = state.without(again)
    assert state.opened is second
    assert state.without(second).opened is None


def test_first_unsaved_result_is_known() -> None:
    """Whether anything would be lost is asked of all results, shown or not."""
    kept = OpenResult(result=RESULT, path=Path("a"))
    new = OpenResult(result=RESULT, asks_to_be_saved=True)
    assert AppState().with_result(kept).unsaved is None
    assert AppState().with_result(new).with_result(kept).unsaved is new


def test_demo_is_the_built_in_model() -> None:
    """The demonstration audits the catalogue's model on pictures that exist."""
    spec = demo_spec()
    assert len(list(spec.images.glob("*.jpg"))) >= 8
    assert spec.labels == "self"


def test_stages_have_titles_of_the_windows_own() -> None:
    """Every stage of the engine is in the user's words; the engine's own are the command line's."""
    assert STAGE_TITLES.keys() == set(Stage)
    assert stage_title(Stage.GEOMETRIES) == "Sizes and crops"
    assert all(title[0].isupper() for title in STAGE_TITLES.values())


def test_sentences_are_translated() -> None:
    """No function of the window makes a sentence that a translation would miss."""
    packages = (Path(iaside_ui.__file__).parent / one for one in LAYERS)
    functions = (
        (path.name, node)
        for package in packages
        for path in package.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    )
    missed = [
        f"{name}: {text!r}"
        for name, function in functions
        for text in _texts(function.body)
        if re.search(r"[A-Za-z]{2} [a-z]{2}", text)
    ]
    assert missed == []


def _texts(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the strings below `nodes` but docstrings, translated ones and messages of errors."""
    for node in nodes:
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in TRANSLATES:
                pass
            case ast.Raise() | ast.Expr(value=ast.Constant()) | ast.FunctionDef():
                pass
            case _:
                yield from _texts(ast.iter_child_nodes(node))


def test_message_of_engine_error_is_its_own_words() -> None:
    """An error that explains itself is quoted; its facts are details."""
    assert message_of(AuditCancelled("Stopped.")).severity == Severity.INFORMATION
    message = message_of(ReportError("Expected a, found b.", path="x.json", found="b"))
    assert message.text == "Expected a, found b."
    assert "x.json" in message.details


def test_message_of_a_model_that_is_gone_says_what_to_do() -> None:
    """Only where it is the one that was looked for."""
    error = ModelNotFoundError("Expected a model.", path=str(RESULT.spec.model))
    assert message_of(error, spec=RESULT.spec).text.endswith("an open result keeps its numbers.")
    for other in (message_of(error), message_of(ReportError("Not this."), spec=RESULT.spec)):
        assert "open result" not in other.text


def test_message_of_missing_preprocessing_names_the_ways_of_the_window(tmp_path: Path) -> None:
    """Whoever sits before the window is sent to the form, not to a terminal."""
    with pytest.raises(PreprocessingMissingError) as caught:
        find_preprocessing("auto", model=tmp_path / "bare.onnx", sha256="", metadata={})
    assert "inspect" in str(caught.value)
    text = message_of(caught.value).text
    assert "'bare.onnx'" in text
    assert "Under Set up, let the assistant" in text
    assert not re.search("--|inspect", text)


def test_message_of_foreign_error_holds_the_traceback() -> None:
    """A fault of the program shows what a report of it needs."""
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0
    message = message_of(caught.value)
    assert "ZeroDivisionError" in message.text
    assert "test_window_state" in message.details


@pytest.mark.parametrize("n_bands", [2, 32])
def test_provenance_names_model_data_and_provider(n_bands: int) -> None:
    """The hash, the images and the provider that ran can be read."""
    result = sample_result(n_bands)
    facts = {(fact.group, fact.name): fact.value for fact in provenance(result)}
    assert facts["Model", "sha256"] == result.model.sha256
    assert facts["Images", "path"] == result.data.path
    assert result.runtime.provider in facts["Ran on", "provider"]
