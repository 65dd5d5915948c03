"""A model is asked about preprocessings once each, and before an audit only briefly."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from assistant_material import CAFFE, IMAGENET, assist_here, entries, opened, settled
from audit_material import assert_same_rows, audit_here
from models_of_colours import SIDE, colour_model, save_colours, save_model

from iaside_audit.auditing import caveats
from iaside_audit.auditing.assistant.assist import find_misconfiguration
from iaside_audit.auditing.assistant.choice import Candidate
from iaside_audit.auditing.assistant.examiner import Examiner
from iaside_audit.auditing.evaluation import trials
from iaside_audit.auditing.evaluation.trials import LEAST_LOG_P
from iaside_audit.auditing.inspection import TrialImages, inspect_file
from iaside_audit.auditing.workers import InProcessWorker
from iaside_audit.classifier.preprocessing_sources import to_toml
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from iaside_audit.auditing.wire import Message


class CountingWorker(InProcessWorker):
    """A worker in this process that remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str]] = []

    def send(self, message: Message) -> None:
        """Remember each pair of candidate and image."""
        if message["task"] == "trial":
            self.asked += [
                (json.dumps(candidate), image["path"])
                for candidate in message["candidates"]
                for image in message["images"]
            ]
        super().send(message)


def test_no_question_is_asked_twice(tmp_path: Path) -> None:
    """Each candidate sees each image once, and the evaluations are counted."""
    model = save_model(colour_model(IMAGENET), tmp_path / "m.onnx")
    images = save_colours(tmp_path / "i.npz", n_images=120, side=48)
    worker = CountingWorker()
    found = inspect_file(
        model, device="cpu", data=TrialImages(images=images), start_worker=lambda: worker
    ).assistance
    assert found is not None
    assert len(worker.asked) == len(set(worker.asked)) == found.n_evaluations
    assert found.n_evaluations < 1500  # 30 s of a mobile network at 50 images a second


def test_progress_ends_where_it_was_to_end(tmp_path: Path) -> None:
    """Every stage reports from 0 up to its total."""
    model = save_model(colour_model(IMAGENET), tmp_path / "m.onnx")
    seen: list[tuple[str, int, int]] = []
    assist_here(
        model,
        save_colours(tmp_path / "i.npz", n_images=40),
        on_progress=lambda *values: seen.append(values),
    )
    assert {"reading the images", "normalisations", "geometries", "finalists"} <= {
        stage for stage, _, _ in seen
    }
    assert all(0 <= done <= total for _, done, total in seen)
    assert seen[-1][1] == seen[-1][2]


def test_kept_pixels_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the images do not fit, the rest is decoded again, with the same answers."""
    model = save_model(colour_model(IMAGENET), tmp_path / "m.onnx")
    images = entries(save_colours(tmp_path / "i.npz", n_images=12))
    candidate = Candidate.of(settled(IMAGENET))
    answers = []
    for room in (trials.KEPT_BYTES, 5 * 3 * SIDE * SIDE):
        monkeypatch.setattr(trials, "KEPT_BYTES", room)
        worker, call, _ = opened(model)
        for _ in range(2):
            [one] = Examiner(call, images, n_classes=64).examine([candidate], 12)
            answers.append(one.answers.log_p)
        runner = worker._server._trials
        assert runner is not None
        assert sum(one.nbytes for one in runner._kept.values()) <= room
    for one in answers[1:]:
        np.testing.assert_array_equal(one, answers[0])


def test_image_that_cannot_be_cropped_or_read_is_wrong(tmp_path: Path) -> None:
    """An image too small for a geometry, or gone, gives no answer, and the others are in place."""
    images = list(entries(save_colours(tmp_path / "i.npz", n_images=6)))
    images[2] = replace(images[2], image_id="0" * 64)
    _, call, _ = opened(save_model(colour_model(IMAGENET), tmp_path / "m.onnx"))
    examiner = Examiner(call, images, n_classes=64)
    small = Candidate.of(settled(replace(IMAGENET, crop=SIDE + 8)))
    fitting, none = examiner.examine([Candidate.of(settled(IMAGENET)), small], 6)
    assert fitting.is_right.tolist() == [True, True, False, True, True, True]
    assert fitting.answers.log_p[2] == LEAST_LOG_P
    assert none.n_right == 0


def test_misconfiguration_is_found(tmp_path: Path) -> None:
    """A usual recipe that is far better is named, with the figures and the next step."""
    _, call, graph = opened(save_model(colour_model(IMAGENET), tmp_path / "m.onnx"))
    images = entries(save_colours(tmp_path / "i.npz", n_images=40))
    asked: list[int] = []

    def counted(message: Message) -> Message:
        asked.append(len(message["candidates"]) * len(message["images"]))
        return call(message)

    message = find_misconfiguration(counted, graph, images, settled(CAFFE), n_classes=64, batch=32)
    assert message is not None
    assert "24" in message
    assert "'ImageNet mean/std'" in message
    assert "iaside-audit inspect" in message
    assert sum(asked) <= 80
    asked.clear()
    right = settled(IMAGENET)
    assert find_misconfiguration(counted, graph, images, right, n_classes=64, batch=32) is None
    assert sum(asked) == 24


def test_few_or_unlabelled_images_are_not_judged(tmp_path: Path) -> None:
    """Seven images, or images without labels, say too little: the model is not even asked."""
    _, _, graph = opened(save_model(colour_model(IMAGENET), tmp_path / "m.onnx"))
    images = entries(save_colours(tmp_path / "i.npz", n_images=30))

    def never(_message: Message) -> Message:
        raise AssertionError("asked")

    for some in (images[:7], [replace(one, label=None) for one in images]):
        assert (
            find_misconfiguration(never, graph, some, settled(CAFFE), n_classes=64, batch=32)
            is None
        )


def test_audit_warns_of_wrong_preprocessing_and_keeps_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The warning is in the result, and no row depends on the look that led to it."""
    model = save_model(colour_model(IMAGENET), tmp_path / "m.onnx")
    (tmp_path / "m.toml").write_text(to_toml(CAFFE))
    images = save_colours(tmp_path / "i.npz", n_images=30)
    spec = AuditSpec(model=model, images=images, bands=2, device="cpu")
    looked = audit_here(spec)
    assert [one.code for one in looked.warnings].count("preprocessing") == 1
    monkeypatch.setattr(caveats, "find_misconfiguration", lambda *_, **__: None)
    blind = audit_here(spec)
    assert "preprocessing" not in [one.code for one in blind.warnings]
    assert_same_rows(looked, blind)


def test_audit_of_sound_preprocessing_is_silent(tmp_path: Path) -> None:
    """A network that is right has nothing to be warned of."""
    model = save_model(colour_model(IMAGENET), tmp_path / "m.onnx")
    (tmp_path / "m.toml").write_text(to_toml(IMAGENET))
    images = save_colours(tmp_path / "i.npz", n_images=30)
    result = audit_here(AuditSpec(model=model, images=images, bands=2, device="cpu"))
    assert "preprocessing" not in [one.code for one in result.warnings]
