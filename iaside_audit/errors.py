"""The error tree.

::

    IASideError
      SpecError (ValueError)          a request that can never work
        PreprocessingMissingError     no place says how the model's images are prepared
      ModelError
        ManifestError                 the catalogue cannot be read
        ModelNotFoundError            no file, no such id
        ChecksumError                 the file is not the published one
        SignatureError                inputs or outputs do not fit an audit
        InferenceError                ONNX Runtime failed while running
          MemoryExhaustedError        a batch did not fit the memory
          WorkerLostError             its process died, hung, or took too much memory
      ImageError                      unreadable, too small, wrong channels
      StoreError                      rows cannot be kept or read
      ReportError                     the report could not be written
      AuditCancelled                  not a failure: the user asked (in ``events``, for it
                                      carries a result)

Every message says what was expected, what was found, where, and what to do next, in two
sentences at most; the facts are attributes as well, for the window and for JSON logs.
"""

from __future__ import annotations


class IASideError(Exception):
    """Any failure that this package explains itself.

    Parameters
    ----------
    message : str
        Expected, found, where, next step.
    path : str or None
        The file or folder that the message is about.
    expected, found : str or None
        The two halves of the disagreement, where there is one.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        expected: str | None = None,
        found: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.expected = expected
        self.found = found


class SpecError(IASideError, ValueError):
    """A request that can never work."""


class PreprocessingMissingError(SpecError):
    """No place says how a model's images are prepared; `path` is the model's."""


class ModelError(IASideError):
    """Something about the model file."""


class ManifestError(ModelError):
    """The catalogue cannot be read."""


class ModelNotFoundError(ModelError):
    """No such file and no such catalogue id."""


class ChecksumError(ModelError):
    """The file is not the published one."""


class SignatureError(ModelError):
    """Inputs or outputs do not fit an audit."""


class InferenceError(ModelError):
    """ONNX Runtime failed while running, or its process died."""


class MemoryExhaustedError(InferenceError):
    """A batch did not fit the memory; a smaller one may."""


class WorkerLostError(InferenceError):
    """A worker process died, or was ended because it hung or took too much memory."""


class ImageError(IASideError):
    """An image, or a folder of images, cannot be used."""


class StoreError(IASideError):
    """Value rows cannot be kept or read."""


class ReportError(IASideError):
    """A report could not be written or read."""


WIRE_NAMES: dict[str, type[IASideError]] = {
    error.__name__: error
    for error in (
        IASideError,
        SpecError,
        PreprocessingMissingError,
        ModelError,
        ManifestError,
        ModelNotFoundError,
        ChecksumError,
        SignatureError,
        InferenceError,
        MemoryExhaustedError,
        ImageError,
        StoreError,
        ReportError,
    )
}
"""The errors that a worker process may report, by name."""
