"""A model to play with: agrees with an audit, answers the newest question, survives its child."""

from __future__ import annotations

import os
import queue
import signal
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from audit_material import audit_here, convnet_spec

from iaside_audit.auditing.inspector.exploration import Composition, Opened, Reply, View
from iaside_audit.auditing.inspector.gallery import Subject
from iaside_audit.auditing.inspector.interactive import InteractiveClassifier, settled
from iaside_audit.auditing.inspector.profiles import Explanation, Sweep, sweep_codes
from iaside_audit.auditing.workers import InProcessWorker, ProcessWorker
from iaside_audit.choices import Estimator
from iaside_audit.errors import IASideError, InferenceError, ModelNotFoundError, SpecError
from iaside_audit.games import shapley_values, value_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker
    from iaside_audit.spec import AuditSpec

BANDS = 4
GRAND = (1 << BANDS) - 1
WAIT_S = 60.0


class Desk:
    """Asks a classifier in this process and collects its answers in a queue."""

    def __init__(self, *, idle_s: float = 60.0, worker: type = InProcessWorker) -> None:
        self.workers: list[Worker] = []
        self._kind = worker
        self._heard: queue.SimpleQueue[Reply | Exception] = queue.SimpleQueue()
        self.classifier = InteractiveClassifier(
            self._heard.put, self._heard.put, idle_s=idle_s, start_worker=self._start
        )

    def _start(self, _: AuditSpec) -> Worker:
        self.workers.append(self._kind())
        return self.workers[-1]

    def hear(self) -> Reply | Exception:
        """Return the next answer."""
        return self._heard.get(timeout=WAIT_S)

    def opened(self, spec: AuditSpec) -> Opened:
        """Open a model."""
        self.classifier.open(spec)
        answer = self.hear()
        assert isinstance(answer, Opened), answer
        return answer

    def view(self, subject: Subject) -> View:
        """Look at an image."""
        self.classifier.look(subject)
        answer = self.hear()
        assert isinstance(answer, View), answer
        return answer

    def composition(self, subject: Subject, code: int) -> Composition:
        """Compose a coalition."""
        self.classifier.compose(subject, code)
        answer = self.hear()
        assert isinstance(answer, Composition), answer
        return answer

    def explanation(self, subject: Subject) -> Explanation:
        """Explain an image to the end."""
        self.classifier.explain(subject)
        while True:
            answer = self.hear()
            assert isinstance(answer, Explanation), answer
            if answer.n_done == answer.n_total:
                return answer


@pytest.fixture
def spec(tmp_path: Path) -> AuditSpec:
    """Return the audit of a small network on six images, all coalitions of four bands."""
    return replace(
        convnet_spec(tmp_path, n_images=6), bands=BANDS, estimator=Estimator.EXACT, device="cpu"
    )


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Return a classifier in this process."""
    desk = Desk()
    yield desk
    desk.classifier.close()


@pytest.mark.parametrize("baseline", ["zero", "mean", "noise", "shuffle"])
def test_answers_agree_with_the_rows_of_an_audit(
    desk: Desk, spec: AuditSpec, baseline: str
) -> None:
    """Every coalition of an image is worth what the audit of the same images finds, to 1e-4."""
    spec = replace(spec, baseline=baseline)
    rows = audit_here(spec).rows()
    opened = desk.opened(spec)
    place = opened.gallery.place_of(rows.path[2])
    assert place is not None
    subject = Subject(spec=opened.spec, place=place)
    table = value_table(rows.coalitions[2], rows.log_p[2].astype(float), n_players=BANDS)
    for code in (0, 1, 6, GRAND):
        found = desk.composition(subject, code)
        assert found.label_log_p == pytest.approx(table[code], abs=1e-4)
    explained = desk.explanation(subject)
    assert explained.is_exact
    assert explained.shapley == pytest.approx(shapley_values(table, n_players=BANDS), abs=1e-4)


def test_bands_add_up_and_coalitions_go_from_baseline_to_image(desk: Desk, spec: AuditSpec) -> None:
    """The bands sum to the image, the grand coalition is the image, the empty one the baseline."""
    subject = Subject(spec=desk.opened(spec).spec, place=1)
    view = desk.view(subject)
    np.testing.assert_allclose(view.bands.sum(axis=0), view.image, atol=1e-5)
    np.testing.assert_allclose(desk.composition(subject, GRAND).image, view.image, atol=1e-5)
    assert not desk.composition(subject, 0).image.any()
    only_first = desk.composition(subject, 1)
    np.testing.assert_allclose(only_first.image, view.bands[0], atol=1e-5)
    assert view.edges == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert view.spectrum.shape == view.image.shape[1:]


def test_clipped_range_shows_what_the_model_gets(desk: Desk, spec: AuditSpec) -> None:
    """With the range clip the composed image lies in 0..1, and what was cut is said."""
    subject = Subject(spec=settled(replace(spec, range="clip")), place=0)  # type: ignore[arg-type]
    high_only = desk.composition(subject, GRAND - 1)
    assert high_only.image.min() == 0
    assert high_only.outside > 0.1


def test_more_bands_are_explained_by_walks(desk: Desk, spec: AuditSpec) -> None:
    """Beyond eight bands the Shapley values are estimates that still add up."""
    subject = Subject(spec=settled(replace(spec, bands=10, estimator="permutation")), place=0)  # type: ignore[arg-type]
    explained = desk.explanation(subject)
    assert not explained.is_exact
    assert explained.shapley is not None
    assert explained.low_pass is not None
    gain = explained.low_pass.log_p[-1] - explained.low_pass.log_p[0]
    assert explained.shapley.sum() == pytest.approx(gain, abs=1e-9)


def test_sweeps_grow_band_by_band_and_name_their_flips() -> None:
    """Each step adds one band; a flip is a step after which the answer is another."""
    low, high = sweep_codes(5)
    for codes in (low, high):
        assert [int(code).bit_count() for code in codes] == [0, 1, 2, 3, 4, 5]
        assert all(a & b == a for a, b in pairwise(codes))
    sweep = Sweep(codes=low, log_p=np.zeros(6), predictions=np.array([3, 3, 7, 7, 3, 3]))
    assert sweep.flips == (2, 4)


class _Gate(InProcessWorker):
    """Holds back its answers until it is let go."""

    is_open = True

    def receive(self, timeout_s: float) -> Message | None:
        return super().receive(timeout_s) if _Gate.is_open else None


def test_newest_question_wins(spec: AuditSpec) -> None:
    """Of many coalitions asked for at once, the last one is answered, and few others are."""
    desk = Desk(worker=_Gate)
    try:
        subject = Subject(spec=desk.opened(spec).spec, place=0)
        desk.view(subject)
        _Gate.is_open = False
        for code in range(GRAND + 1):
            desk.classifier.compose(subject, code)
        _Gate.is_open = True
        answers = []
        while not answers or answers[-1].code != GRAND:
            answer = desk.hear()
            assert isinstance(answer, Composition)
            answers.append(answer)
        assert len(answers) <= 2
    finally:
        _Gate.is_open = True
        desk.classifier.close()


def test_a_new_image_drops_what_was_asked_of_the_old(desk: Desk, spec: AuditSpec) -> None:
    """After a look at another image no answer about the first one comes any more."""
    opened = desk.opened(spec).spec
    first, second = (Subject(spec=opened, place=place) for place in (0, 1))
    desk.classifier.explain(first)
    desk.classifier.look(second)
    answer = desk.hear()
    while not isinstance(answer, View):
        answer = desk.hear()
    desk.classifier.compose(second, 1)
    last = desk.hear()
    assert isinstance(last, Composition)
    assert last.subject == second


def test_idle_child_is_ended_and_started_again(spec: AuditSpec) -> None:
    """After the idle time the child is gone; the next question brings it back by itself."""
    desk = Desk(idle_s=0.05)
    try:
        subject = Subject(spec=desk.opened(spec).spec, place=0)
        before = desk.composition(subject, 5)
        deadline = 200
        while desk.classifier.has_child and deadline:
            with pytest.raises(queue.Empty):
                desk._heard.get(timeout=0.05)
            deadline -= 1
        assert not desk.classifier.has_child
        after = desk.composition(subject, 5)
        assert len(desk.workers) == 2
        assert after.label_log_p == before.label_log_p
    finally:
        desk.classifier.close()


def test_killed_child_is_an_error_and_then_replaced(spec: AuditSpec) -> None:
    """A child that was killed is said to be dead; the next question is answered by another."""
    desk = Desk(worker=ProcessWorker)
    try:
        subject = Subject(spec=desk.opened(spec).spec, place=0)
        desk.view(subject)
        worker = desk.workers[0]
        assert isinstance(worker, ProcessWorker)
        os.kill(worker._process.pid, signal.SIGKILL)
        desk.classifier.compose(subject, 3)
        answer = desk.hear()
        assert isinstance(answer, InferenceError)
        assert "signal 9" in answer.message
        assert desk.composition(subject, 3).code == 3
        assert len(desk.workers) == 2
    finally:
        desk.classifier.close()


def test_impossible_settings_are_said_and_the_child_stays(desk: Desk, spec: AuditSpec) -> None:
    """A partition that the size does not hold is an error; the model stays open."""
    opened = desk.opened(spec).spec
    desk.classifier.look(Subject(spec=replace(opened, bands=30, estimator="permutation"), place=0))  # type: ignore[arg-type]
    answer = desk.hear()
    assert isinstance(answer, SpecError)
    assert "largest number of bands" in answer.message
    desk.view(Subject(spec=opened, place=0))
    assert len(desk.workers) == 1


def test_missing_model_and_image_are_said(desk: Desk, spec: AuditSpec, tmp_path: Path) -> None:
    """A model or an image that is gone is named."""
    desk.classifier.open(replace(spec, model=tmp_path / "gone.onnx"))
    assert isinstance(desk.hear(), ModelNotFoundError)
    opened = desk.opened(spec)
    opened.gallery.record(0).location.unlink()
    desk.classifier.look(Subject(spec=opened.spec, place=0))
    answer = desk.hear()
    assert isinstance(answer, IASideError)
    assert opened.gallery.record(0).path in answer.message
