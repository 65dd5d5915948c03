"""The command that repeats an audit."""

from __future__ import annotations

import shlex
from dataclasses import fields
from typing import TYPE_CHECKING

from iaside_audit.choices import DEFAULT_BANDS

if TYPE_CHECKING:
    from iaside_audit.spec import AuditSpec


def command_line_of(spec: AuditSpec, *, out: str = "DIR") -> str:
    """Return the ``iaside-audit run`` command of a specification, quoted for a POSIX shell.

    Parameters
    ----------
    spec : AuditSpec
        What was asked; options at their default are left out.
    out : str
        The output folder, which a specification does not name.

    Examples
    --------
    >>> from iaside_audit.spec import AuditSpec
    >>> command_line_of(AuditSpec(model="a b.onnx", images="val", max_images=200), out="audit")
    "iaside-audit run 'a b.onnx' --images val --max-images 200 --out audit"
    """
    return " ".join(_words(spec, out))


def command_lines_of(spec: AuditSpec, *, out: str = "DIR", width: int = 88) -> list[str]:
    r"""Return the same command on lines of at most `width` characters, where words allow it.

    Examples
    --------
    >>> from iaside_audit.spec import AuditSpec
    >>> command_lines_of(AuditSpec(model="a.onnx", images="val"), width=40)
    ['iaside-audit run a.onnx --images val \\', '--out DIR']
    """
    lines: list[str] = []
    for words in _words(spec, out):
        if lines and len(lines[-1]) + len(words) + 3 <= width:  # a space before, " \\" behind
            lines[-1] += f" {words}"
        else:
            lines.append(words)
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def _words(spec: AuditSpec, out: str) -> list[str]:
    """Return the command with the model, then each option with its value, all quoted."""
    model = str(spec.model)
    # A leading hyphen would be read as an option.
    groups = [["iaside-audit", "run", f"./{model}" if model.startswith("-") else model]]
    for field in fields(spec):
        value = getattr(spec, field.name)
        if field.name == "model" or value == field.default or _follows(spec, field.name):
            continue
        text = ",".join(map(repr, value)) if isinstance(value, tuple) else str(value)
        option = f"--{'no-' if value is False else ''}{field.name.replace('_', '-')}"
        groups.append([option] if isinstance(value, bool) else [option, text])
    return [shlex.join(words) for words in [*groups, ["--out", out]]]


def _follows(spec: AuditSpec, name: str) -> bool:
    """Say whether an option was filled in by the others: bands at its default, or by edges."""
    return name == "bands" and (isinstance(spec.spacing, tuple) or spec.bands == DEFAULT_BANDS)
