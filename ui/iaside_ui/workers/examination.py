"""What is found out about a form beside the window's thread: model, images, plan, preprocessing."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iaside_audit.errors import IASideError
from iaside_ui.state.planning import AssistantState, Examination, TrialRow
from iaside_ui.state.words import tr

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from iaside_audit.auditing.assistant.assist import Assistance
    from iaside_audit.auditing.assistant.choice import Trial
    from iaside_audit.auditing.inspection import Inspection
    from iaside_audit.events import Stage
    from iaside_audit.images import Listing
    from iaside_audit.preprocessing import Preprocessing
    from iaside_audit.spec import AuditSpec
    from iaside_ui.state.form import Form

    Progress = Callable[[Stage, int, int], None]
    RateOf = Callable[[str], float | None]

N_THUMBNAILS: Final = 3
THUMBNAIL_SIDE: Final = 96
USUAL_BATCH: Final = 32
MODEL_FIELDS: Final = ("model", "preprocess", "output", "max_model_bytes")


class Examiner:
    """Examines forms; what does not change between two of them is looked at once.

    Its methods run in one thread, but for :meth:`cancel`.

    Parameters
    ----------
    rate_of : callable
        Model's sha256 to evaluations a second, None where it never ran.
    """

    def __init__(self, rate_of: RateOf) -> None:
        self._rate_of = rate_of
        self._inspected: tuple[tuple[str, ...], Inspection | IASideError] | None = None
        self._listed: tuple[str, Listing | IASideError] | None = None
        self._cancelled = threading.Event()

    def examine(self, form: Form) -> Examination:
        """Find out what can be known of a form."""
        faults = form.faults()
        n_images = inspection = None
        if "images" not in faults:
            listing = self._listing(form.text("images"))
            if isinstance(listing, IASideError):
                faults["images"] = listing.message
            else:
                n_images = len(listing.records)
        if not set(MODEL_FIELDS) & set(faults):
            found = self._inspection(form)
            if isinstance(found, IASideError):
                where = "model"
                if form.text("preprocess") and found.path == form.text("preprocess"):
                    where = "preprocess"
                faults[where] = found.message
            else:
                inspection = found
        return self._planned(form, faults, n_images, inspection)

    def assist(self, spec: AuditSpec, on_progress: Progress) -> AssistantState:
        """Try preprocessings on the images of a specification.

        Raises
        ------
        IASideError
            As :func:`~iaside_audit.auditing.inspection.inspect_file`; AuditCancelled after
            :meth:`cancel`.
        """
        from iaside_audit.auditing.inspection import (  # noqa: PLC0415 - start-up time
            TrialImages,
            inspect_file,
        )
        from iaside_audit.events import AuditCancelled  # noqa: PLC0415

        self._cancelled.clear()

        def report(stage: Stage, done: int, total: int) -> None:
            if self._cancelled.is_set():
                raise AuditCancelled("The search for a preprocessing was cancelled.")
            on_progress(stage, done, total)

        inspection = inspect_file(
            spec.model,
            preprocess=spec.preprocess,
            output=spec.output,
            device=spec.device,
            max_model_bytes=spec.max_model_bytes,
            data=TrialImages(images=spec.images, labels=spec.labels, classes=spec.classes),
            on_progress=report,
        )
        assistance = inspection.assistance
        if assistance is None:
            raise IASideError(
                "Expected the size of the model's input to be known, found none. "
                "Give a preprocessing that says it."
            )
        return AssistantState(assistance=assistance, rows=trial_rows(assistance, spec.images))

    def cancel(self) -> None:
        """Ask the search under way to stop; may be called from any thread."""
        self._cancelled.set()

    def _planned(
        self,
        form: Form,
        faults: dict[str, str],
        n_images: int | None,
        inspection: Inspection | None,
    ) -> Examination:
        from iaside_audit.auditing.forecast import forecast, input_bytes  # noqa: PLC0415
        from iaside_audit.store import STORE_NAME  # noqa: PLC0415

        plan = memory = rate = None
        if not faults:
            spec = form.to_spec()
            plan = None if n_images is None else forecast(spec, n_images)
            preprocessing = None if inspection is None else inspection.preprocessing
            if preprocessing is not None:
                shape = (preprocessing.n_channels, *preprocessing.crop_size)
                batch = spec.batch if isinstance(spec.batch, int) else USUAL_BATCH
                memory = input_bytes(spec, shape, batch=batch)
        if inspection is not None:
            rate = self._rate_of(inspection.sha256)
        return Examination(
            form=form,
            faults=faults,
            n_images=n_images,
            inspection=inspection,
            forecast=plan,
            input_bytes=memory,
            rate=rate,
            has_rows=form.out is not None and (form.out / STORE_NAME).exists(),
        )

    def _listing(self, text: str) -> Listing | IASideError:
        from iaside_audit.images import find_images  # noqa: PLC0415 - start-up time

        if self._listed is None or self._listed[0] != text:
            try:
                self._listed = (text, find_images(Path(text)))
            except IASideError as error:
                self._listed = (text, error)
        return self._listed[1]

    def _inspection(self, form: Form) -> Inspection | IASideError:
        from iaside_audit.auditing.inspection import inspect_file  # noqa: PLC0415 - start-up time
        from iaside_audit.choices import MAX_MODEL_BYTES  # noqa: PLC0415

        key = tuple(form.text(name) for name in MODEL_FIELDS)
        if self._inspected is None or self._inspected[0] != key:
            model, preprocess, output, max_bytes = key
            try:
                found: Inspection | IASideError = inspect_file(
                    Path(model),
                    preprocess=preprocess or "auto",
                    output=output or None,
                    device="cpu",
                    max_model_bytes=int(max_bytes or MAX_MODEL_BYTES),
                )
            except IASideError as error:
                found = error
            self._inspected = (key, found)
        return self._inspected[1]


def trial_rows(assistance: Assistance, images: Path) -> tuple[TrialRow, ...]:
    """Return the candidates with thumbnails of what the model gets under each."""
    from iaside_audit.images import find_images, read_image  # noqa: PLC0415 - start-up time

    pictures: list[NDArray[np.uint8]] = []
    for record in find_images(images).records:
        if len(pictures) == N_THUMBNAILS:
            break
        try:
            pictures.append(read_image(record.location, record.position, record.path))
        except IASideError:
            continue
    return tuple(_row(trial, assistance, pictures) for trial in assistance.trials)


def _row(trial: Trial, assistance: Assistance, pictures: list[NDArray[np.uint8]]) -> TrialRow:
    import numpy as np  # noqa: PLC0415 - start-up time

    marks = [tr("best")] if trial is assistance.best or trial is assistance.trials[0] else []
    if trial.candidate.is_configured:
        marks.append(tr("configured"))
    fed = [
        one
        for picture in pictures
        if (one := _as_fed(picture, trial.candidate.preprocessing)) is not None
    ]
    values, pixels = "", None
    if fed:
        values = tr("{low} to {high}").format(
            low=_short(min(float(one.min()) for one in fed)),
            high=_short(max(float(one.max()) for one in fed)),
        )
        pixels = np.concatenate([_thumbnail(one) for one in fed], axis=1)
    return TrialRow(trial=trial, pixels=pixels, values=values, mark=", ".join(marks))


def _short(number: float) -> str:
    """Return a number to three digits, two of them after the point at most.

    Examples
    --------
    >>> _short(-122.4), _short(0.0078), _short(-1.0)
    ('-122', '0.01', '-1')
    """
    return f"{round(number, 2):.3g}"


def _as_fed(picture: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32] | None:
    """Return an image as numbers in the model's channel order, (C, H, W)."""
    from iaside_audit.auditing.evaluation.inputs import normalise, to_model_order  # noqa: PLC0415
    from iaside_audit.images import prepare  # noqa: PLC0415 - start-up time

    try:
        image = prepare(picture, preprocessing)
    except IASideError:
        return None
    fed = normalise(to_model_order(image[None], preprocessing), preprocessing)
    first: NDArray[np.float32] = fed[0]
    return first


def _thumbnail(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Show the model's numbers as a picture: its channels as red, green and blue, in order.

    The scale runs over what is usual for all channels of this image, so that swapped channels and
    a channel of its own normalisation are seen as a change of colour.
    """
    import numpy as np  # noqa: PLC0415 - start-up time
    from PIL import Image  # noqa: PLC0415

    low, high = np.quantile(image, (0.01, 0.99))
    scaled = np.clip((image - low) / max(float(high - low), 1e-6), 0, 1)
    pixels = (255 * scaled).astype(np.uint8).transpose(1, 2, 0)
    pixels = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    small = Image.fromarray(np.ascontiguousarray(pixels)).resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return np.asarray(small)
