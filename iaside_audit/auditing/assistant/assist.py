"""The preprocessing assistant: find, by trying, the preprocessing that a model was made for.

Candidates are what lies around the model file and the usual recipes. They race: many on a few
images, few on many. What is configured, what was found and the usual geometry are always measured
on all images. The rule of choice is :func:`~iaside_audit.auditing.assistant.choice.choose`'s.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iaside_audit.auditing.assistant.choice import (
    Candidate,
    Gain,
    Measured,
    Trial,
    choose,
    gain_over,
)
from iaside_audit.auditing.assistant.examiner import Examiner
from iaside_audit.auditing.assistant.search import Search, fitting_candidates
from iaside_audit.classifier.recipes import QUICK, geometry_in, normalisations
from iaside_audit.statistics.shares import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from iaside_audit.auditing.assistant.examiner import Call, Progress
    from iaside_audit.classifier.description import GraphDescription
    from iaside_audit.images import IndexedImage
    from iaside_audit.preprocessing import Preprocessing

QUICK_IMAGES: Final = 24
QUICK_FIRST: Final = 8
"""A running audit shows its rivals so many images, and only the best of them the others too."""
QUICK_GAIN: Final = 0.2
QUICK_P: Final = 0.01
SHIFT_SHARE: Final = 0.25
"""Answers that are all one class beside the label, beyond this share, are no accident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assistance:
    """What the assistant found.

    Parameters
    ----------
    trials : tuple of Trial
        Every candidate; those on most images first, among them the chosen one first.
    best : Trial
        The chosen one.
    configured : Trial or None
        What an audit would take as things stand.
    gain : Gain or None
        Of `best` over `configured`, with labels.
    has_labels : bool
        Whether candidates were ranked by right answers; otherwise by confidence, which is weaker.
    n_images : int
        Images on which the finalists were measured.
    notes : tuple of str
        What else there is to know.
    n_evaluations : int
        Images put through the model in all.
    elapsed_s : float
        Time that it took.
    """

    trials: tuple[Trial, ...]
    best: Trial
    configured: Trial | None
    gain: Gain | None
    has_labels: bool
    n_images: int
    notes: tuple[str, ...]
    n_evaluations: int
    elapsed_s: float

    @property
    def is_misconfigured(self) -> bool:
        """Whether another preprocessing is clearly better than the configured one."""
        return self.gain is not None and self.gain.is_clear


def assist(
    call: Call,
    graph: GraphDescription,
    images: Sequence[IndexedImage],
    *,
    size: tuple[int, int],
    n_classes: int,
    configured: Preprocessing | None = None,
    found: Sequence[Preprocessing] = (),
    notes: Sequence[str] = (),
    on_progress: Progress = lambda _stage, _done, _total: None,
) -> Assistance:
    """Try preprocessings on images, and choose one by the rule of ``choose``.

    Parameters
    ----------
    call : callable
        Sends one task to the worker, in which the model is open, and returns its last reply.
    graph : GraphDescription
        Of the model.
    images : sequence of IndexedImage
        In a mixed order, for the first few are looked at first; labelled all or none.
    size : (int, int)
        Height and width of the model's input.
    n_classes : int
        Outputs of the model.
    configured : Preprocessing or None
        What an audit would take as things stand.
    found : sequence of Preprocessing
        What else lies around the model.
    notes : sequence of str
        What is known beforehand; it is handed on.
    on_progress : callable
        Takes the stage, the evaluations done in it and their total.
    """
    started = time.perf_counter()
    examiner = Examiner(call, images, on_progress, n_classes=n_classes)
    search = Search(examiner, graph, images, size)
    measured = search.run(configured, found)
    best = choose(measured)
    now = next((one for one in measured if one.candidate.is_configured), None)
    everything = examiner.everything()
    has_labels = examiner.labels is not None
    return Assistance(
        trials=tuple(_sorted_trials(everything, best)),
        best=best.trial(),
        configured=None if now is None else now.trial(),
        gain=gain_over(best, now) if has_labels and now is not None else None,
        has_labels=has_labels,
        n_images=len(images),
        notes=(*notes, *search.notes, *_doubts(everything, best, n_classes)),
        n_evaluations=examiner.n_evaluations,
        elapsed_s=time.perf_counter() - started,
    )


def find_misconfiguration(
    call: Call,
    graph: GraphDescription,
    images: Sequence[IndexedImage],
    preprocessing: Preprocessing,
    *,
    n_classes: int,
    batch: int,
) -> str | None:
    """Compare a preprocessing with a few usual ones on a few images, before an audit.

    It takes 80 evaluations at most. Only labelled images count, for without labels confidence
    would say too little.

    Parameters
    ----------
    call : callable
        Sends one task to the worker, in which the model is open, and returns its last reply.
    graph : GraphDescription
        Of the model.
    images : sequence of IndexedImage
        In a mixed order; the first labelled ones are taken.
    preprocessing : Preprocessing
        What the audit takes.
    n_classes : int
        Outputs of the model.
    batch : int
        Rows of a call of the model at most.

    Returns
    -------
    str or None
        A warning where a usual recipe is better by at least 20 points of top-1 and by the sign
        test at 1 %.
    """
    images = [one for one in images if one.label is not None][:QUICK_IMAGES]
    if len(images) < QUICK_FIRST:
        return None
    examiner = Examiner(call, images, n_classes=n_classes, batch=batch)
    [now] = examiner.examine([Candidate.of(preprocessing)], len(images))
    if now.n_right > (1 - QUICK_GAIN) * len(images):  # nothing can be that much better
        return None
    usual = [
        one
        for one in normalisations(preprocessing.n_channels)
        if one.name in QUICK or preprocessing.n_channels == 1
    ]
    candidates = fitting_candidates(usual[: len(QUICK)], [geometry_in(preprocessing)], graph)
    rivals = [one for one in candidates if one.name != now.candidate.name]
    few = examiner.examine(rivals, QUICK_FIRST)
    first = max(few, key=lambda one: (one.n_right, float(one.fine.mean())), default=None)
    if first is None:
        return None
    [rival] = examiner.examine([first.candidate], len(images))
    gain = gain_over(rival, now)
    if gain.top1 < QUICK_GAIN or gain.p_value >= QUICK_P:
        return None
    return (
        f"Of the first {len(images)} images the model answers {now.n_right} rightly with the "
        f"preprocessing from {preprocessing.source}, and {rival.n_right} with the usual recipe "
        f"'{rival.candidate.name}'. Let `iaside-audit inspect MODEL --images PATH` find the right "
        "one."
    )


def _sorted_trials(measured: Sequence[Measured], best: Measured) -> Iterator[Trial]:
    """Yield the chosen one, then those on most images, best first."""
    yield best.trial()
    others = [one for one in measured if one.candidate is not best.candidate]
    yield from (
        one.trial()
        for one in sorted(
            others,
            key=lambda one: (-len(one.fine), -one.n_right, -float(one.fine.mean())),
        )
    )


def _doubts(measured: Sequence[Measured], best: Measured, n_classes: int) -> Iterator[str]:
    """Yield what a reader of the table must know."""
    if best.labels is None:
        yield (
            "Without labels candidates are ranked by the model's confidence, each class counted "
            "only so often. This is weaker: a network can be confidently wrong. Give --labels to "
            "be sure."
        )
        return
    low, high = wilson_interval(best.n_right, len(best.fine))
    for one in measured:
        for shift in (-1, 1):
            n_shifted = one.n_shifted(shift)
            share, _ = wilson_interval(n_shifted, len(one.fine))
            if share > max(SHIFT_SHARE, high, 3 / n_classes):
                yield (
                    f"Under '{one.candidate.name}' {n_shifted} of {len(one.fine)} answers are the "
                    f"label {shift:+d}: the labels seem to be counted from another start."
                )
                return
    if low < 2 / n_classes:
        yield (
            "No candidate is clearly better than chance. Look at the labels and the order of the "
            "classes (--labels, --classes) before the preprocessing."
        )
