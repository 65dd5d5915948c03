"""Predict what corruptions do to an audited model, from its rows and images: no model is run."""

from __future__ import annotations

import datetime as dt
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit._version import __version__
from iaside_audit.auditing.evaluation.settings import EvaluationSettings
from iaside_audit.choices import Estimator, Mode
from iaside_audit.classifier.providers import available_threads
from iaside_audit.errors import ImageError, SpecError
from iaside_audit.events import AuditCancelled, Stage
from iaside_audit.images import find_images, image_identity
from iaside_audit.images.dataset import read_image
from iaside_audit.result import FailedImage, Tool
from iaside_audit.robustness.copies import ObservedCopies, copies_of, gains_of
from iaside_audit.robustness.corruptions.parameters import suite_for
from iaside_audit.robustness.predicted_loss import predict
from iaside_audit.robustness.prediction import VALUES, game_rows
from iaside_audit.robustness.read_image import audit_partition, prepared
from iaside_audit.robustness.requests import CorruptionRequest
from iaside_audit.rows import rows_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from iaside_audit.events import Control
    from iaside_audit.images.sources import ImageRecord
    from iaside_audit.preprocessing import Preprocessing
    from iaside_audit.result import AuditResult
    from iaside_audit.robustness.copies import Copies
    from iaside_audit.robustness.predicted_loss import Prediction
    from iaside_audit.robustness.prediction import GameRows
    from iaside_audit.robustness.requests import ReadyMadeRequest
    from iaside_audit.rows import ValueRows
    from iaside_audit.spectrum import Partition

    Progress = Callable[[Stage, int, int], None]
    Moments = Mapping[str, NDArray[np.float64]]

MIN_IMAGES: Final = 2
NO_LABEL: Final = -1
"""Nobody asks a model about these images."""
QUEUED_PER_THREAD: Final = 2
"""Images under way at once, for each thread: what bounds the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionRun:
    """What an audit predicts, and where that comes from.

    Parameters
    ----------
    tool : Tool
        The program.
    created : str
        ISO 8601.
    audit : AuditResult
        Whose rows were used.
    request : CorruptionRequest or ReadyMadeRequest
        The conditions.
    suite : str or None
        The published parameters of corruptions made here.
    prediction : Prediction
        The numbers.
    failed : tuple of FailedImage
        Audited images that are missing or changed, and why.
    elapsed_s : float
        Of reading the images and the numbers.
    """

    tool: Tool
    created: str
    audit: AuditResult
    request: CorruptionRequest | ReadyMadeRequest
    suite: str | None
    prediction: Prediction
    failed: tuple[FailedImage, ...]
    elapsed_s: float


def predict_audit(
    audit: AuditResult,
    request: CorruptionRequest | ReadyMadeRequest,
    control: Control,
    on_progress: Progress = lambda _stage, _done, _total: None,
    *,
    images: Path | None = None,
    max_images: int | None = None,
) -> PredictionRun:
    """Predict the losses of an audited model under corruptions.

    Parameters
    ----------
    audit : AuditResult
        With its rows.
    request : CorruptionRequest or ReadyMadeRequest
        Which corruptions.
    control : Control
        Looked at between any two images.
    on_progress : callable
        Takes the stage, the images done and their total.
    images : Path or None
        Where the audited images are now; where the audit found them, unless given.
    max_images : int or None
        The first so many of the audit's order.

    Raises
    ------
    AuditCancelled
        If `control` says so.
    SpecError
        If the audit is in reference mode, whose values are of batches, not of images, or of a
        single image.
    StoreError
        If the audit's rows are gone.
    ImageError
        If fewer than two audited images can be read.
    """
    started = time.perf_counter()
    check_predictable(audit)
    rows = audit.rows()
    rows = rows if max_images is None else rows_at(rows, np.arange(min(max_images, len(rows))))
    frame = EvaluationSettings(
        spec=audit.spec,
        estimator=Estimator.AUTO,
        preprocessing=audit.model.preprocessing,
        batch=1,
    ).frame_preprocessing
    suite = None
    if isinstance(request, CorruptionRequest):
        suite = suite_for(*frame.crop_size).name  # says so before any image where it is too small
    root = audit.spec.images if images is None else images
    places = {record.path: record for record in find_images(root).records}
    observe = partial(
        _observed,
        places=places,
        root=root,
        frame=frame,
        copies=copies_of(request, audit.spec.seed, frame),
        partition=audit_partition(audit.spec, frame.crop_size),
    )
    found: dict[int, Moments] = {}
    failed: list[FailedImage] = []
    for place, outcome in _each(observe, rows, control, on_progress):
        if isinstance(outcome, FailedImage):
            failed.append(outcome)
        else:
            found[place] = outcome
    if len(found) < MIN_IMAGES:
        raise ImageError(
            f"Expected at least {MIN_IMAGES} of the audited images in '{root}', found "
            f"{len(found)}: {failed[0].reason.rstrip('.')}. Say with --images where they are.",
            path=str(root),
        )
    kept = sorted(found)
    stacked = {name: np.stack([found[place][name] for place in kept]) for name in found[kept[0]]}
    return PredictionRun(
        tool=Tool(name="iaside-audit", version=__version__),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        audit=audit,
        request=request,
        suite=suite,
        prediction=predict(
            games_of(audit, rows_at(rows, np.array(kept))),
            gains_of(stacked, range(len(kept))),
            request.conditions,
            seed=audit.spec.seed,
            confidence=audit.spec.confidence,
        ),
        failed=tuple(failed),
        elapsed_s=time.perf_counter() - started,
    )


def check_predictable(audit: AuditResult) -> None:
    """Refuse an audit of which nothing can be predicted.

    Raises
    ------
    SpecError
        If it is in reference mode, or of a single image.
    """
    if audit.spec.mode == Mode.REFERENCE:
        raise SpecError(
            "Expected an audit in corrected mode, found one in reference mode, whose values belong "
            "to batches and not to images. Run the audit again without --mode reference."
        )
    if audit.data.n_images < MIN_IMAGES:
        raise SpecError(
            f"Expected an audit of at least {MIN_IMAGES} images, found one of "
            f"{audit.data.n_images}. Run the audit again with more of them."
        )


def games_of(audit: AuditResult, rows: ValueRows) -> dict[str, GameRows]:
    """Return what an audit says of some of its rows, by value function."""
    return {
        value: game_rows(
            rows, n_bands=audit.spec.bands, estimator=audit.estimator.kind, value=value
        )
        for value in VALUES
    }


def _each(
    observe: Callable[[str, str], Moments | FailedImage],
    rows: ValueRows,
    control: Control,
    on_progress: Progress,
) -> Iterator[tuple[int, Moments | FailedImage]]:
    """Yield each row's place and what was observed of its image, from threads, in order.

    Raises
    ------
    AuditCancelled
        If `control` says so.
    """
    n_threads = available_threads()
    with ThreadPoolExecutor(n_threads, thread_name_prefix="prediction") as pool:
        waiting: deque[Future[Moments | FailedImage]] = deque()
        images = iter(range(len(rows)))
        for done in range(len(rows)):
            for place in islice(images, QUEUED_PER_THREAD * n_threads - len(waiting)):
                waiting.append(pool.submit(observe, rows.image_id[place], rows.path[place]))
            on_progress(Stage.CORRUPTING, done, len(rows))
            yield done, waiting.popleft().result()
            if control.is_cancelled:
                pool.shutdown(cancel_futures=True)
                raise AuditCancelled(f"Cancelled after {done + 1} of {len(rows)} images.")
    on_progress(Stage.CORRUPTING, len(rows), len(rows))


def _observed(
    image_id: str,
    path: str,
    *,
    places: Mapping[str, ImageRecord],
    root: Path,
    frame: Preprocessing,
    copies: Copies,
    partition: Partition,
) -> Moments | FailedImage:
    """Return what is left of the bands of one audited image under every condition."""
    record = places.get(path)
    if record is None:
        return FailedImage(path=path, reason=f"it is not in '{root}'")
    try:
        decoded = read_image(record.location, record.position, path)
        if image_identity(decoded) != image_id:
            return FailedImage(path=path, reason="it is another image than the audited one")
        read = prepared(decoded, frame, path=path, image_id=image_id, label=NO_LABEL)
        observed = ObservedCopies(read, copies, partition)
        for _ in observed:
            pass
    except ImageError as error:
        return FailedImage(path=path, reason=error.message)
    return observed.moments()
