"""The form of an audit, and the specification it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from iaside_audit.errors import SpecError
from iaside_audit.spec import AuditSpec


class LabelSource(Enum):
    """Where the labels come from."""

    AUTO = auto()
    SELF = auto()
    FILE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """What the form holds: text as typed, empty where left out."""

    model: str = ""
    images: str = ""
    label_source: LabelSource = LabelSource.AUTO
    labels_file: str = ""
    preprocessing: str = ""

    def to_spec(self) -> AuditSpec:
        """Return the specification.

        Raises
        ------
        SpecError
            Naming every fault of the form at once.
        """
        faults = [
            *_faults("the model", self.model, "an .onnx file", must_be_file=True),
            *_faults("the images", self.images, "a folder of images"),
        ]
        if self.label_source == LabelSource.FILE:
            faults += _faults("the labels", self.labels_file, "a CSV file", must_be_file=True)
        if self.preprocessing:
            faults += _faults(
                "the preprocessing", self.preprocessing, "a TOML file", must_be_file=True
            )
        if faults:
            raise SpecError(" ".join(faults))
        labels = {
            LabelSource.AUTO: "auto",
            LabelSource.SELF: "self",
            LabelSource.FILE: self.labels_file,
        }
        return AuditSpec(
            model=Path(self.model),
            images=Path(self.images),
            labels=labels[self.label_source],
            preprocess=self.preprocessing or "auto",
        )


def _faults(name: str, text: str, kind: str, *, must_be_file: bool = False) -> list[str]:
    """Return what is wrong with one path of the form."""
    if not text:
        return [f"Expected {kind} for {name}, found none."]
    path = Path(text)
    if path.is_file() or (path.exists() and not must_be_file):
        return []
    found = "a folder" if path.is_dir() else "nothing"
    return [f"Expected {kind} for {name}, found {found} at '{text}'."]
