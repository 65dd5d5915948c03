"""The form of an audit: text as typed, checked field by field, and the specification it becomes."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from iaside_audit.choices import Estimator, IntervalMethod, Mode, Norm, Range
from iaside_audit.errors import IASideError, SpecError
from iaside_audit.registry import BASELINES, VALUE_FUNCTIONS
from iaside_audit.spec import AuditSpec
from iaside_ui.state.words import tr

if TYPE_CHECKING:
    from collections.abc import Mapping


class FieldKind(Enum):
    """How a field is filled in."""

    MODEL = auto()
    IMAGES = auto()
    FILE = auto()
    FOLDER = auto()
    CHOICE = auto()
    SUGGESTION = auto()
    """Some words, or anything else that is typed."""
    SOURCE = auto()
    """The same, or a file."""
    NUMBER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One option of an audit as the form shows it.

    Parameters
    ----------
    name : str
        Of the field of :class:`AuditSpec`.
    title : str
        Beside it; ``&`` before the mnemonic.
    kind : FieldKind
        How it is filled in.
    choices : tuple of str
        Words to choose from.
    """

    name: str
    title: str
    kind: FieldKind
    choices: tuple[str, ...] = ()


def _values(kind: type[Norm | Range | Estimator | Mode | IntervalMethod]) -> tuple[str, ...]:
    return tuple(str(one.value) for one in kind)


GROUPS: Final[dict[str, tuple[FormField, ...]]] = {
    "Model and images": (
        FormField(name="model", title="&Model", kind=FieldKind.MODEL),
        FormField(name="images", title="Ima&ges", kind=FieldKind.IMAGES),
        FormField(
            name="labels",
            title="&Labels",
            kind=FieldKind.SOURCE,
            choices=("auto", "folder", "self"),
        ),
        FormField(name="classes", title="&Class names", kind=FieldKind.FILE),
        FormField(
            name="preprocess", title="&Preprocessing", kind=FieldKind.SOURCE, choices=("auto",)
        ),
        FormField(name="output", title="&Output", kind=FieldKind.NUMBER),
        FormField(name="out", title="&Keep in folder", kind=FieldKind.FOLDER),
    ),
    "Bands": (
        FormField(name="bands", title="Number of &bands", kind=FieldKind.NUMBER),
        FormField(name="norm", title="&Radius", kind=FieldKind.CHOICE, choices=_values(Norm)),
        FormField(
            name="spacing",
            title="&Spacing",
            kind=FieldKind.SUGGESTION,
            choices=("uniform", "octave"),
        ),
        FormField(name="frame", title="Frame", kind=FieldKind.SUGGESTION, choices=("input",)),
    ),
    "Absence and value": (
        FormField(
            name="baseline",
            title="Baseli&ne",
            kind=FieldKind.SUGGESTION,
            choices=BASELINES.builtin,
        ),
        FormField(
            name="range", title="Range of pi&xels", kind=FieldKind.CHOICE, choices=_values(Range)
        ),
        FormField(
            name="value",
            title="Value of a coalition",
            kind=FieldKind.SUGGESTION,
            choices=VALUE_FUNCTIONS.builtin,
        ),
        FormField(name="beta", title="Beta of the scores", kind=FieldKind.NUMBER),
    ),
    "Effort": (
        FormField(
            name="estimator",
            title="Es&timator",
            kind=FieldKind.CHOICE,
            choices=_values(Estimator),
        ),
        FormField(name="pairs", title="Pairs of orders", kind=FieldKind.NUMBER),
        FormField(
            name="interactions", title="Interactions", kind=FieldKind.CHOICE, choices=("no", "yes")
        ),
        FormField(name="max_images", title="Images at most", kind=FieldKind.NUMBER),
        FormField(name="budget", title="Evaluations at most", kind=FieldKind.NUMBER),
        FormField(name="target_halfwidth", title="Target half-width", kind=FieldKind.NUMBER),
        FormField(name="confidence", title="Confidence", kind=FieldKind.NUMBER),
        FormField(
            name="interval",
            title="Intervals",
            kind=FieldKind.CHOICE,
            choices=_values(IntervalMethod),
        ),
        FormField(name="seed", title="Seed", kind=FieldKind.NUMBER),
    ),
    "Machine": (
        FormField(
            name="device",
            title="&Device",
            kind=FieldKind.SUGGESTION,
            choices=("auto", "cpu", "cuda"),
        ),
        FormField(name="batch", title="Batch", kind=FieldKind.SUGGESTION, choices=("auto",)),
        FormField(name="threads", title="Threads", kind=FieldKind.SUGGESTION, choices=("auto",)),
        FormField(name="workers", title="Workers", kind=FieldKind.SUGGESTION, choices=("auto",)),
    ),
    "Comparison with the published code": (
        FormField(name="mode", title="Mode", kind=FieldKind.CHOICE, choices=_values(Mode)),
        FormField(name="reference_batch", title="Batch of the reference", kind=FieldKind.NUMBER),
    ),
    "Advanced": (
        FormField(
            name="resume", title="Go on &with rows", kind=FieldKind.CHOICE, choices=("yes", "no")
        ),
        FormField(name="shard", title="Part of the images", kind=FieldKind.NUMBER),
        FormField(name="scheduler", title="Dask scheduler", kind=FieldKind.NUMBER),
        FormField(name="max_model_bytes", title="Model bytes at most", kind=FieldKind.NUMBER),
    ),
}
"""Every option of an audit, in groups."""

FORM_FIELDS: Final = {field.name: field for group in GROUPS.values() for field in group}
NEEDED: Final = ("model", "images")
OUT: Final = "out"
"""The one field that is no option of the audit itself."""
_INTEGERS: Final = (
    "bands",
    "pairs",
    "max_images",
    "budget",
    "seed",
    "reference_batch",
    "max_model_bytes",
)
_FLAGS: Final = ("interactions", "resume")
_BESIDE: Final = {"reference_batch": {"mode": Mode.REFERENCE}}
"""Without which a field is refused, whatever it holds."""
_FLOATS: Final = ("beta", "target_halfwidth", "confidence")


@dataclass(frozen=True, slots=True)
class Form:
    """What the form holds: the fields that are not at their defaults, as text.

    Parameters
    ----------
    entries : tuple of (str, str)
        Name and text, sorted by name.
    """

    entries: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Form:
        """Return the form that holds some fields of a specification; None is left out."""
        form = cls()
        for name, value in values.items():
            if value is not None:
                form = form.with_text(name, _text(value))
        return form

    @classmethod
    def of_spec(cls, spec: AuditSpec) -> Form:
        """Return the form of a specification."""
        values = spec.to_dict()
        if isinstance(spec.spacing, tuple):
            del values["bands"]  # their number follows
        return cls.of(values)

    def text(self, name: str) -> str:
        """Return what a field holds; empty for its default."""
        return dict(self.entries).get(name, "")

    def with_text(self, name: str, text: str) -> Form:
        """Return the form with another text in one field."""
        entries = dict(self.entries)
        entries.pop(name, None)
        if text and text != default_text(name):
            entries[name] = text
        return Form(tuple(sorted(entries.items())))

    @property
    def out(self) -> Path | None:
        """The folder that keeps rows and result; None for none."""
        return Path(self.text(OUT)) if self.text(OUT) else None

    def values(self) -> dict[str, object]:
        """Return the fields as a specification takes them; numbers where they read as such."""
        return {name: _parsed(name, text) for name, text in self.entries if name != OUT}

    def to_spec(self) -> AuditSpec:
        """Return the specification.

        Raises
        ------
        SpecError
            Naming every fault of the form at once.
        """
        faults = self.faults()
        if faults:
            raise SpecError(" ".join(faults.values()))
        return AuditSpec.from_dict(self.values())

    def faults(self) -> dict[str, str]:
        """Return what is wrong, by field; faults of a combination have the empty name."""
        faults = {name: fault for name in FORM_FIELDS if (fault := self._fault(name))}
        if self.text("shard") and not self.text(OUT):
            faults.setdefault(
                OUT, tr("Expected a folder to keep the part of the audit in, found none.")
            )
        if not faults:
            try:
                AuditSpec.from_dict(self.values())
            except SpecError as error:
                faults[""] = error.message
        return faults

    def to_toml(self) -> str:
        """Return the form as a file that the command line reads with ``--config``."""
        lines = ["[audit]"]
        # JSON's strings, numbers and lists are TOML's too.
        lines += [
            f"{name} = {json.dumps(value, ensure_ascii=False)}"
            for name, value in self.values().items()
        ]
        return "\n".join(lines) + "\n"

    def _fault(self, name: str) -> str:
        try:
            return self._fault_of(name)
        except OSError as error:  # a name too long, a folder that may not be looked into
            return tr("Expected a path that can be looked at, found: {reason}.").format(
                reason=error.strerror
            )

    def _fault_of(self, name: str) -> str:
        text = self.text(name)
        if name in NEEDED:
            return _path_fault(name, text)
        if FORM_FIELDS[name].kind == FieldKind.FILE and text and not Path(text).is_file():
            title = FORM_FIELDS[name].title.replace("&", "").lower()
            return tr("Expected a file for {title}, found nothing at '{path}'.").format(
                title=title, path=text
            )
        if not text:
            return ""
        if name == OUT:
            is_file = Path(text).is_file()
            fault = tr("Expected a folder to keep the result in, found a file: '{path}'.")
            return fault.format(path=text) * is_file
        try:
            AuditSpec.from_dict(
                {
                    "model": "model",
                    "images": "images",
                    **_BESIDE.get(name, {}),
                    name: _parsed(name, text),
                }
            )
        except SpecError as error:
            return error.message
        return _source_fault(name, text)


def default_text(name: str) -> str:
    """Return the default of a field as text; empty where there is none.

    Examples
    --------
    >>> default_text("norm"), default_text("bands"), default_text("budget")
    ('linf', '8', '')
    """
    if name == "bands":
        return "8"
    known = {field.name: field.default for field in fields(AuditSpec)}
    default = known.get(name)
    return _text(default) if isinstance(default, (str, int, float, Enum)) else ""


def help_text(name: str) -> str:
    """Return the line with which the command line explains a field."""
    from iaside_audit.cli.options import CHOICES, HELP  # noqa: PLC0415 - start-up time

    if name == "model":
        return tr("An .onnx classifier, or the id of one that ships with this program.")
    if name == OUT:
        return tr(
            "Keeps every row, result, report and tables; an audit that was interrupted goes on "
            "from there. Without a folder the result lives in this window until it is saved."
        )
    if name == "resume":
        return tr("Go on with the rows in the folder, or move them aside.")
    choices = ", ".join(str(one.value) for one in CHOICES.get(name, ()))
    return HELP[name].format(choices=choices).partition("  [default")[0]


def _path_fault(name: str, text: str) -> str:
    """Return what is wrong with the model or the images."""
    if name == "model":
        if not text:
            return tr("Expected an .onnx file for the model, found none.")
        from iaside_audit.auditing.model import resolve_model  # noqa: PLC0415 - start-up time

        try:
            resolve_model(Path(text))
        except IASideError as error:
            return error.message
        return ""
    if not text:
        return tr("Expected a folder of images, found none.")
    if not Path(text).exists():
        return tr("Expected a folder of images, found nothing at '{path}'.").format(path=text)
    return ""


def _source_fault(name: str, text: str) -> str:
    """Return what is wrong with a word or file."""
    field = FORM_FIELDS[name]
    if field.kind != FieldKind.SOURCE or text in field.choices:
        return ""
    if Path(text).is_file() or (name == "preprocess" and not Path(text).suffix):
        return ""
    words = ", ".join(field.choices)
    return tr("Expected {words} or a file for {name}, found nothing at '{path}'.").format(
        words=words, name=name, path=text
    )


def _parsed(name: str, text: str) -> object:
    """Return the value that a text stands for; the text itself where it is no number."""
    if name in _FLAGS:
        return {"yes": True, "no": False}.get(text, text)
    for names, kind in ((_INTEGERS, int), (_FLOATS, float)):
        if name in names:
            try:
                return kind(text)
            except ValueError:
                return text
    return text


def _text(value: Any) -> str:  # Any: whatever a field of a specification holds
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, (list, tuple)):
        return ",".join(map(repr, value))
    return str(value)
