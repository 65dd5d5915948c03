"""The command that repeats an audit."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from iaside_audit.report.commands import command_line_of, command_lines_of
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

names = st.text(st.characters(exclude_characters="\0/\r\n", codec="utf-8"), min_size=1).filter(
    lambda name: name not in {".", ".."}
)
edges = st.lists(st.floats(0.001, 0.999), min_size=1, max_size=6, unique=True).map(sorted)
specs = st.builds(
    AuditSpec,
    model=names,
    images=names,
    labels=st.sampled_from(["auto", "self", "a list.csv"]),
    spacing=st.one_of(st.sampled_from(["uniform", "octave"]), edges),
    frame=st.one_of(st.just("input"), st.integers(1, 500)),
    baseline=st.sampled_from(["zero", "mean", "noise"]),
    norm=st.sampled_from(["linf", "l2"]),
    value=st.sampled_from(["log-probability", "margin"]),
    beta=st.floats(0.1, 0.9),
    max_images=st.none() | st.integers(1, 1000),
    target_halfwidth=st.none() | st.floats(0.001, 0.5),
    seed=st.integers(0, 10**6),
    device=st.sampled_from(["auto", "cpu", "cuda:0"]),
    batch=st.one_of(st.just("auto"), st.integers(1, 64)),
    interactions=st.booleans(),
)


def spec_from(words: Sequence[str]) -> tuple[AuditSpec, str]:
    """Read the words of a command back as the command line would."""
    program, command, model, *options = words
    assert (program, command) == ("iaside-audit", "run")
    values: dict[str, object] = {"model": model}
    if "--interactions" in options:
        options.remove("--interactions")
        values["interactions"] = True
    for name, text in zip(options[::2], options[1::2], strict=True):
        field = name.removeprefix("--").replace("-", "_")
        is_whole = field in {"bands", "max_images", "seed"}
        is_float = field in {"beta", "target_halfwidth"}
        values[field] = int(text) if is_whole else float(text) if is_float else text
    out = str(values.pop("out"))
    return AuditSpec.from_dict(values), out


@given(specs)
def test_command_line_gives_the_same_specification(spec: AuditSpec) -> None:
    """The words of the command, read by a shell, make the specification again."""
    assert spec_from(shlex.split(command_line_of(spec, out="my audit"))) == (spec, "my audit")


@given(specs, st.integers(10, 120))
def test_command_lines_are_the_command_line(spec: AuditSpec, width: int) -> None:
    """A shell reads the command on many lines as the command on one."""
    lines = command_lines_of(spec, width=width)
    joined = "".join(line.removesuffix("\\") for line in lines)
    assert shlex.split(joined) == shlex.split(command_line_of(spec))
    assert all(line.endswith(" \\") for line in lines[:-1])
    options = [line.count(" --") + line.startswith("--") for line in lines]
    assert all(len(line) <= width or n <= 1 for line, n in zip(lines, options, strict=True))


def test_command_line_leaves_defaults_out() -> None:
    """Options at their default are not named."""
    spec = AuditSpec(model="model.onnx", images="val", bands=8)
    assert command_line_of(spec) == "iaside-audit run model.onnx --images val --out DIR"


def test_command_line_leaves_out_bands_that_edges_imply() -> None:
    """Explicit edges fix the number of bands."""
    spec = AuditSpec(model="model.onnx", images="val", spacing="0.1,0.5")
    assert " --spacing 0.1,0.5 " in command_line_of(spec)
    assert "--bands" not in command_line_of(spec)
