"""What a coalition is worth: the value functions (METHOD.md, section 3).

Every value function reads the two numbers that are stored for a coalition, so one walk through the
images answers for all of them. A plug-in is a callable of the same form, registered under the
entry-point group of :data:`~iaside_audit.registry.VALUE_FUNCTIONS`; it may carry its unit in an
attribute ``unit``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import numpy as np

from iaside_audit.errors import SpecError
from iaside_audit.registry import VALUE_FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from iaside_audit.types import FloatMatrix

    Stored: TypeAlias = NDArray[np.floating[Any]]  # Any: float32 in the store, float64 in tests


class ValueFunction(Protocol):
    """What a plug-in implements."""

    def __call__(self, log_p: FloatMatrix, best_other: FloatMatrix, /) -> FloatMatrix:
        """Return the values of shape (..., P), float64.

        Parameters
        ----------
        log_p : (..., P) float64
            Natural-log probability of the label, at most 0 (nats).
        best_other : (..., P) float64
            Natural-log probability of the best other class, at most 0 (nats).
        """
        ...  # pragma: no cover


def _log_probability(log_p: FloatMatrix, _best_other: FloatMatrix) -> FloatMatrix:
    return log_p


def _probability(log_p: FloatMatrix, _best_other: FloatMatrix) -> FloatMatrix:
    return np.exp(log_p)


def _margin(log_p: FloatMatrix, best_other: FloatMatrix) -> FloatMatrix:
    return log_p - best_other


def _accuracy(log_p: FloatMatrix, best_other: FloatMatrix) -> FloatMatrix:
    # 1 above 0, else 0. A tie counts as wrong: the model does not tell the label from another
    # class, and which of the two an argmax picks is an accident of their order.
    return np.heaviside(_margin(log_p, best_other), 0.0)


BUILTIN: Final[dict[str, tuple[ValueFunction, str]]] = {
    "log-probability": (_log_probability, "nats"),
    "probability": (_probability, ""),
    "accuracy": (_accuracy, ""),
    "margin": (_margin, "nats"),
}
"""The value functions of this package, each with its unit; empty for a pure number."""


def value_function(name: str) -> Callable[[Stored, Stored], FloatMatrix]:
    """Return the value function registered under `name`.

    Parameters
    ----------
    name : str
        ``log-probability`` (nats), ``probability`` (0..1), ``accuracy`` (0 or 1; 1 where the label
        beats every other class, a tie is 0), ``margin`` (log-probability of the label less that of
        the best other class, nats), or a plug-in's name.

    Returns
    -------
    callable
        Takes ``log_p`` and ``best_other`` of shape (..., P) as they are stored, float32, and
        returns float64 of the same shape. NaN stays NaN.

    Raises
    ------
    SpecError
        If no value function has that name, or, when called, if a plug-in answers in another shape.

    Examples
    --------
    >>> accuracy = value_function("accuracy")
    >>> accuracy(np.array([-0.1, -2.0]), np.array([-3.0, -2.0]))
    array([1., 0.])
    """
    function = BUILTIN[name][0] if name in BUILTIN else _plugin(name)

    def values(log_p: Stored, best_other: Stored) -> FloatMatrix:
        with np.errstate(invalid="ignore"):  # -inf - -inf is NaN here, not an accident
            result = np.asarray(
                function(log_p.astype(np.float64), best_other.astype(np.float64)),
                dtype=np.float64,
            )
        if result.shape != log_p.shape:
            raise SpecError(
                f"Expected values of shape {log_p.shape} from the value function {name!r}, found "
                f"{result.shape}. Correct the plug-in.",
                expected=str(log_p.shape),
                found=str(result.shape),
            )
        return result

    return values


def guessing_value(name: str, *, n_classes: int) -> float:
    """Return what a model is worth that holds all classes equally likely, whatever the bands.

    Parameters
    ----------
    name : str
        Of a value function of this package.
    n_classes : int
        That the model tells apart.

    Returns
    -------
    float
        In the unit of the value function; of ``accuracy`` the share that a random answer gets
        right. NaN below two classes, and for a plug-in, which may not be there when a result is
        read.

    Examples
    --------
    >>> [round(guessing_value(name, n_classes=10), 3) for name in ("log-probability", "accuracy")]
    [-2.303, 0.1]
    """
    if name not in BUILTIN or n_classes < 2:  # noqa: PLR2004 - a choice
        return math.nan
    if name == "accuracy":  # all classes tie, which counts as wrong
        return 1 / n_classes
    even = np.array([-math.log(n_classes)])
    return float(BUILTIN[name][0](even, even).item())


def value_unit(name: str) -> str:
    """Return the unit of a value function: ``"nats"``, or an empty string for a pure number.

    Raises
    ------
    SpecError
        If no value function has that name.

    Examples
    --------
    >>> value_unit("margin")
    'nats'
    """
    return BUILTIN[name][1] if name in BUILTIN else str(getattr(_plugin(name), "unit", ""))


def _plugin(name: str) -> ValueFunction:
    plugin = VALUE_FUNCTIONS.load(name)
    if not callable(plugin):
        raise SpecError(
            f"Expected the value function {name!r} to be callable, found "
            f"{type(plugin).__name__}. Correct the plug-in.",
        )
    return plugin
