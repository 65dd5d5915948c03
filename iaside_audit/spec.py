"""What is asked: the frozen, validated specification of one audit (INTERFACE.md)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from iaside_audit.choices import (
    DEFAULT_BANDS,
    DEFAULT_PAIRS,
    DEFAULT_REFERENCE_BATCH,
    MAX_BANDS,
    MAX_EXACT_BANDS,
    MAX_MODEL_BYTES,
    MIN_BANDS,
    REFERENCE_BASELINES,
    Estimator,
    IntervalMethod,
    Mode,
    Norm,
    Range,
    Spacing,
    is_device,
    is_scheduler,
    parse_shard,
    parse_spacing,
    unknown_choice,
)
from iaside_audit.errors import SpecError
from iaside_audit.registry import BASELINES, VALUE_FUNCTIONS, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSpec:
    """The specification of one audit; every name is that of the command line and of TOML.

    Strings are accepted wherever a choice is listed, and checked.

    Parameters
    ----------
    model : path or str
        An ``.onnx`` file, or an id of the catalogue.
    images : path
        Folder of class folders, flat folder, CSV/TSV, or ``.npz``.
    labels : str
        ``auto``, ``folder``, ``self``, or a CSV of ``path,label``.
    classes : path or None
        Class names; a map of wnid, name or index.
    output : str or None
        Which output holds the class scores, where the model has several.
    preprocess : str
        ``auto``, a TOML file, a ``preprocessor_config.json``, or a catalogue id.
    bands : int
        Number of bands M, 2..32; 8 unless `spacing` lists edges.
    norm : Norm
        ``linf`` or ``l2``.
    spacing : Spacing or tuple of float
        ``uniform``, ``octave``, or the interior edges, ascending, in (0, 1).
    frame : "input" or int
        Size in pixels at which the bands are taken.
    baseline : str
        ``zero``, ``mean``, ``noise``, ``shuffle``, or a plug-in's name.
    range : Range
        ``none`` or ``clip``.
    value : str
        ``log-probability``, ``probability``, ``accuracy``, ``margin``, or a plug-in's name.
    beta : float
        Weight ratio of the scores, in (0, 1).
    estimator : Estimator
        ``auto``, ``exact`` or ``permutation``.
    pairs : int
        Antithetic pairs of orders an image, at least 1; not beside exact or `interactions`.
    interactions : bool
        Whether interactions of bands are wanted; ``auto`` is then exact.
    max_images : int or None
        The first so many images of the canonical order.
    budget : int or None
        Evaluations (images put through the model) at most.
    target_halfwidth : float or None
        Stop where the signed score's interval is this narrow.
    seed : int
        Of every random draw; not negative.
    confidence : float
        Of every interval, in (0.5, 1).
    interval : IntervalMethod
        ``percentile`` or ``bca``.
    mode : Mode
        ``corrected`` or ``reference``.
    reference_batch : int
        Images a batch in reference mode, at least 2; not in corrected mode.
    device : str
        ``auto``, ``cpu``, ``cuda``, ``cuda:N``, or several as ``cuda:N,N``: a worker for each.
    max_model_bytes : int
        Size of a model, its external data included, that is opened at most.
    batch : "auto" or int
        Images a call of the model, at most.
    threads : "auto" or int
        Threads of the session of each worker.
    workers : "auto" or int
        Processes that run the model: one for each device, unless more are asked for.
    resume : bool
        Go on with the rows in the output folder; otherwise they are moved aside.
    shard : str or None
        ``I/N``: only the I-th of N parts of the images, for job arrays; parts are merged later.
    scheduler : str or None
        Address of a Dask scheduler, or ``local:N`` for one with N workers on this machine.

    Raises
    ------
    SpecError
        Naming every fault at once.
    """

    model: Path
    images: Path
    labels: str = "auto"
    classes: Path | None = None
    output: str | None = None
    preprocess: str = "auto"
    bands: int = 0
    norm: Norm = Norm.LINF
    spacing: Spacing | tuple[float, ...] = Spacing.UNIFORM
    frame: int | str = "input"
    baseline: str = "zero"
    range: Range = Range.NONE
    value: str = "log-probability"
    beta: float = 0.75
    estimator: Estimator = Estimator.AUTO
    pairs: int = DEFAULT_PAIRS
    interactions: bool = False
    max_images: int | None = None
    budget: int | None = None
    target_halfwidth: float | None = None
    seed: int = 0
    confidence: float = 0.95
    interval: IntervalMethod = IntervalMethod.PERCENTILE
    mode: Mode = Mode.CORRECTED
    reference_batch: int = DEFAULT_REFERENCE_BATCH
    device: str = "auto"
    batch: int | str = "auto"
    threads: int | str = "auto"
    workers: int | str = "auto"
    resume: bool = True
    shard: str | None = None
    scheduler: str | None = None
    max_model_bytes: int = MAX_MODEL_BYTES

    def __post_init__(self) -> None:
        faults = [*self._coerce(), *self._faulty_numbers(), *self._faulty_combinations()]
        if faults:
            raise SpecError(" ".join(faults))

    def to_dict(self) -> dict[str, object]:
        """Return the specification as JSON-ready values, defaults filled in."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> AuditSpec:
        """Build a specification from JSON or TOML values.

        Raises
        ------
        SpecError
            If a name is unknown (the nearest known one is given) or a value is faulty.
        """
        known = [field.name for field in fields(cls)]
        unknown = [name for name in values if name not in known]
        if unknown:
            raise SpecError(
                " ".join(
                    f"Expected an option of an audit, found {name!r}.{nearest(name, known)}"
                    for name in unknown
                )
            )
        missing = [name for name in ("model", "images") if not values.get(name)]
        if missing:
            raise SpecError(f"Expected {' and '.join(missing)} in the specification, found none.")
        return cls(**values)  # type: ignore[arg-type]  # __post_init__ checks every value

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _coerce(self) -> list[str]:
        """Bring strings to their types and return the faults met."""
        faults = self._coerce_names()
        faults += [
            f"Expected {name} to be true or false, found {getattr(self, name)!r}."
            for name in ("interactions",)
            if not isinstance(getattr(self, name), bool)
        ]
        for name, kind in (
            ("norm", Norm),
            ("range", Range),
            ("estimator", Estimator),
            ("interval", IntervalMethod),
            ("mode", Mode),
        ):
            value = str(getattr(self, name))
            choices = [str(member.value) for member in kind]
            if value in choices:
                self._set(name, kind(value))
            else:
                faults.append(unknown_choice(name, value, choices))
        for name, registry in (("baseline", BASELINES), ("value", VALUE_FUNCTIONS)):
            try:
                registry.check(str(getattr(self, name)))
            except SpecError as error:
                faults.append(error.message)
        for name in ("frame", "batch", "threads", "workers"):
            value = getattr(self, name)
            if isinstance(value, str) and value.isdecimal():
                self._set(name, int(value))
        return [*faults, *self._settle_bands()]

    def _coerce_names(self) -> list[str]:
        """Bring paths and sources to their types and return the faults met."""
        faults: list[str] = []
        for name, kind in (
            ("model", Path),
            ("images", Path),
            ("classes", Path),
            ("labels", str),
            ("preprocess", str),
        ):
            value = getattr(self, name)
            if isinstance(value, (str, Path)):
                self._set(name, kind(value))
            elif name != "classes" or value is not None:
                faults.append(f"Expected {name} to be a path or a name, found {value!r}.")
        return faults

    def _settle_bands(self) -> list[str]:
        """Read the spacing, fill in the number of bands, and return the faults met."""
        faults: list[str] = []
        try:
            self._set("spacing", parse_spacing(self.spacing))
        except SpecError as error:
            faults.append(error.message)
        if isinstance(self.spacing, tuple):
            n_bands = len(self.spacing) + 1
            if self.bands not in (0, n_bands):
                faults.append(
                    f"Expected bands to be {n_bands} for {n_bands - 1} interior edges, found "
                    f"{self.bands}. Leave bands out."
                )
            self._set("bands", n_bands)
        elif self.bands == 0:
            self._set("bands", DEFAULT_BANDS)
        return faults

    def _faulty_numbers(self) -> list[str]:
        """Return a message for every number out of its range."""
        faults = [
            f"Expected {name} to be a whole number of at least {least}, found {value!r}."
            for name, least, value in (
                ("bands", MIN_BANDS, self.bands),
                ("pairs", 1, self.pairs),
                ("seed", 0, self.seed),
                ("reference_batch", 2, self.reference_batch),
                ("max_model_bytes", 1, self.max_model_bytes),
                ("max_images", 1, 1 if self.max_images is None else self.max_images),
                ("budget", 1, 1 if self.budget is None else self.budget),
            )
            if not isinstance(value, int) or isinstance(value, bool) or value < least
        ]
        if isinstance(self.bands, int) and self.bands > MAX_BANDS:
            faults.append(f"Expected bands to be at most {MAX_BANDS}, found {self.bands}.")
        faults += [
            f"Expected {name} to be a number above {low:g} and below {high:g}, found {value!r}."
            for name, low, high, value in (
                ("beta", 0.0, 1.0, self.beta),
                ("confidence", 0.5, 1.0, self.confidence),
                (
                    "target_halfwidth",
                    0.0,
                    1.0,
                    0.5 if self.target_halfwidth is None else self.target_halfwidth,
                ),
            )
            if not isinstance(value, (int, float)) or not low < value < high
        ]
        faults += [
            f"Expected {name} to be {word!r} or a whole number from {least}, found {value!r}."
            for name, word, least, value in (
                ("frame", "input", 1, self.frame),
                ("batch", "auto", 1, self.batch),
                ("threads", "auto", 1, self.threads),
                ("workers", "auto", 1, self.workers),
            )
            if value != word
            and (not isinstance(value, int) or isinstance(value, bool) or value < least)
        ]
        if not is_device(self.device):
            faults.append(
                unknown_choice("device", str(self.device), ["auto", "cpu", "cuda", "cuda:0"])
            )
        if self.resume not in (True, False):
            faults.append(f"Expected resume to be true or false, found {self.resume!r}.")
        return [*faults, *self._faulty_places()]

    def _faulty_places(self) -> list[str]:
        """Return a message for a faulty shard or scheduler."""
        faults: list[str] = []
        if self.shard is not None:
            try:
                parse_shard(self.shard)
            except SpecError as error:
                faults.append(error.message)
        if self.scheduler is not None and not is_scheduler(self.scheduler):
            faults.append(
                "Expected scheduler to be an address such as tcp://host:8786, or local:N, found "
                f"{self.scheduler!r}."
            )
        elif self.scheduler is not None and (self.workers != "auto" or "," in str(self.device)):
            faults.append(
                "Expected neither workers nor several devices beside scheduler, found "
                f"workers {self.workers} and device {self.device}. The cluster decides how many "
                "run, each on the GPU that its CUDA_VISIBLE_DEVICES names."
            )
        return faults

    def _faulty_combinations(self) -> list[str]:
        """Return a message for every pair of options that cannot work together."""
        faults: list[str] = []
        if self.shard is not None and self.target_halfwidth is not None:
            faults.append(
                "Expected no target_halfwidth beside shard, found both: no shard sees the whole "
                "score. Choose the number of images with --max-images."
            )
        exact = (
            self.estimator == Estimator.EXACT or self.mode == Mode.REFERENCE or self.interactions
        )
        if exact and isinstance(self.bands, int) and self.bands > MAX_EXACT_BANDS:
            faults.append(
                f"Expected at most {MAX_EXACT_BANDS} bands in exact mode, found {self.bands}. "
                "Use fewer bands, or --estimator permutation without interactions."
            )
        if self.interactions and self.estimator == Estimator.PERMUTATION:
            faults.append(
                "Expected every coalition to be evaluated for interactions, found --estimator "
                "permutation. Use --estimator auto or exact."
            )
        if self.mode == Mode.CORRECTED:
            faults += self._options_without_effect(walks=not exact)
        elif self.mode == Mode.REFERENCE:
            refused = {
                "norm": self.norm != Norm.LINF,
                "spacing": self.spacing != Spacing.UNIFORM,
                "frame": self.frame != "input",
                "baseline": self.baseline not in REFERENCE_BASELINES,
                "range": self.range != Range.NONE,
                "value": self.value != "log-probability",
                "estimator": self.estimator == Estimator.PERMUTATION,
                "pairs": self.pairs != DEFAULT_PAIRS,
                "budget": self.budget is not None,
                "target_halfwidth": self.target_halfwidth is not None,
                "shard": self.shard is not None,
                "labels self": self.labels == "self",
            }
            names = ", ".join(name for name, is_refused in refused.items() if is_refused)
            if names:
                faults.append(
                    f"Expected the published settings in reference mode, found another {names}. "
                    "Leave these out, or use --mode corrected."
                )
        return faults

    def _options_without_effect(self, *, walks: bool) -> list[str]:
        """Return a message for every option that changes nothing in corrected mode."""
        faults: list[str] = []
        if not walks and self.pairs != DEFAULT_PAIRS:
            faults.append(
                "Expected no pairs of orders where every coalition is evaluated, found pairs "
                f"{self.pairs!r}. Leave pairs out."
            )
        if self.reference_batch != DEFAULT_REFERENCE_BATCH:
            faults.append(
                "Expected reference_batch in reference mode alone, found "
                f"{self.reference_batch!r} in corrected mode. Leave it out."
            )
        return faults


def _plain(value: object) -> object:
    """Return `value` as JSON holds it."""
    match value:
        case StrEnum():
            return value.value
        case Path():
            return str(value)
        case tuple():
            return list(value)
        case _:
            return value
