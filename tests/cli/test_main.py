"""The command line as a program: help, streams, exit codes and colours."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from audit_material import (
    command,
    command_here,
    command_words,
    convnet_spec,
    run_words,
)
from rich.console import Console
from sample_results import sample_result

import iaside_audit
from iaside_audit import cli
from iaside_audit.cli import COMMANDS, exit_code, main
from iaside_audit.cli.console import print_result
from iaside_audit.errors import (
    ImageError,
    InferenceError,
    ModelNotFoundError,
    ReportError,
    SignatureError,
    SpecError,
    StoreError,
)
from iaside_audit.events import AuditCancelled
from iaside_audit.report import load_result
from iaside_audit.report.summary import importance_rows

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.spec import AuditSpec

COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9]")


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> AuditSpec:
    """Return the audit of a small model on a few images."""
    return convnet_spec(tmp_path_factory.mktemp("commands"))


def test_help_imports_click_and_nothing_else() -> None:
    """Help needs no numbers, images or models; what it does not load is what makes it quick.

    Of other packages it loads click, and of ours no mathematics, no adapter and no report. How long
    that takes is measured by ``benchmarks/start_up.py``.
    """
    program = (
        "import sys\nbefore = set(sys.modules)\nfrom iaside_audit.cli import main\n"
        f"for words in [[], *([name] for name in {COMMANDS!r})]:\n"
        "    try:\n        main([*words, '--help'])\n    except SystemExit as end:\n"
        "        print('after', *words, end.code, *sorted(sys.modules.keys() - before))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    helps = re.findall(
        r"(.*?)^after (?:(\w+) )?(\d+) (.*?)$", done.stdout, re.DOTALL | re.MULTILINE
    )
    assert [name for _, name, _, _ in helps] == ["", *COMMANDS]
    for shown, name, code, loaded in helps:
        assert code == "0", name
        packages = {one.partition(".")[0] for one in loaded.split()} - sys.stdlib_module_names
        assert packages <= {"click", "iaside_audit", "iaside_ui"}, name
        ours = {one.split(".")[1] for one in loaded.split() if one.startswith("iaside_audit.")}
        known = {"_version", "choices", "cli", "errors", "events", "paths", "registry", "spec"}
        assert ours <= known, name
        assert re.search(r"\n  Examples?:\n    iaside-audit ", shown), f"{name}: on its own line"


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Every built-in command has its line, in the order of the module."""
    outcome = command_here(capsys, "--help")
    assert outcome.code == 0
    listed = re.findall(r"^  (\w+)  ", outcome.out.partition("Commands:")[2], re.MULTILINE)
    assert tuple(listed[: len(COMMANDS)]) == COMMANDS
    assert outcome.err == ""


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """``--version`` says what the package says."""
    outcome = command_here(capsys, "--version")
    assert outcome.code == 0
    assert outcome.out.split()[-1] == iaside_audit.__version__


def test_module_is_the_program() -> None:
    """``python -m iaside_audit`` is the command line."""
    words = [sys.executable, "-m", "iaside_audit", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("iaside-audit")


def test_nothing_asked_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command there is help, and the exit code of wrong usage."""
    outcome = command_here(capsys)
    assert outcome.code == 2
    assert "Commands:" in outcome.err


def test_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of the finger is answered with the command that was meant."""
    outcome = command_here(capsys, "inspekt")
    assert outcome.code == 2
    assert "Did you mean 'inspect'?" in outcome.err
    assert outcome.out == ""


def test_window_that_is_not_installed_names_its_package(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no package brings the command ``gui``, the pip command does."""
    monkeypatch.setattr(cli, "entry_points", lambda **_: ())
    outcome = command_here(capsys, "gui")
    assert outcome.code == 2
    assert "pip install 'iaside-audit[gui]'" in outcome.err


def test_other_packages_add_commands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command registered through the entry-point group is listed and run."""

    class Point:
        name = "shout"

        @staticmethod
        def load() -> click.Command:
            return click.Command("shout", callback=lambda: click.echo("LOUD"), short_help="Shout.")

    monkeypatch.setattr(cli, "entry_points", lambda **asked: [Point] if asked else [])
    assert "shout" in command_here(capsys, "--help").out
    assert command_here(capsys, "shout").out == "LOUD\n"


def test_help_looks_into_other_packages_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every look reads the metadata of all installed packages, which is half of the start-up."""
    looks: list[object] = []
    monkeypatch.setattr(cli, "entry_points", lambda **asked: looks.append(asked) or ())
    assert command_here(capsys, "--help").code == 0
    assert looks == [{"group": "iaside_audit.commands"}]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SpecError("x"), 2),
        (ImageError("x"), 2),
        (SignatureError("x"), 2),
        (ModelNotFoundError("x"), 2),
        (InferenceError("x"), 1),
        (StoreError("x"), 1),
        (ReportError("x"), 1),
        (AuditCancelled("x"), 130),
        (KeyboardInterrupt(), 130),
        (RuntimeError("x"), 1),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, BaseException) else str(one),
)
def test_exit_code_follows_the_error(
    error: BaseException,
    code: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """2 for unusable input, 1 for a failure, 130 for a cancellation; one line says why."""

    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli.group, "main", fail)
    outcome = command_here(capsys, "run")
    assert outcome.code == code
    assert len(outcome.err.splitlines()) == 1
    assert code == 130 or outcome.err.startswith("Error: ")
    if isinstance(error, SpecError | InferenceError):
        assert exit_code(error) == code


@pytest.mark.parametrize("place", ["before", "after"])
def test_traceback_only_with_debug(capsys: pytest.CaptureFixture[str], place: str) -> None:
    """``--debug``, before or after the command's name, shows where an error came from."""
    words: list[object] = ["inspect", "nowhere.onnx"]
    plain = command_here(capsys, *words)
    assert "Traceback" not in plain.err
    debug = [["--debug", *words], [*words, "--debug"]][place == "after"]
    loud = command_here(capsys, *debug)
    assert "Traceback (most recent call last)" in loud.err
    assert "ModelNotFoundError" in loud.err
    assert loud.err.endswith(plain.err)
    assert loud.code == plain.code == 2


def test_results_go_to_stdout_and_the_rest_to_stderr(
    spec: AuditSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stdout are numbers and files, on stderr is the progress, and on neither are colours."""
    outcome = command_here(capsys, *run_words(spec, tmp_path / "out"))
    assert outcome.code == 0
    assert "Spectral importance (Shapley values in nats)" in outcome.out
    assert "signed" in outcome.out
    assert str(tmp_path / "out" / "result.json") in outcome.out
    assert "of 6 images" not in outcome.out
    assert "exact estimator, 6 images, 91 evaluations" in outcome.err
    assert "6 of 6 images" in outcome.err
    assert "Spectral importance" not in outcome.err
    assert "\x1b" not in outcome.out + outcome.err


def test_json_is_one_document(spec: AuditSpec, tmp_path: Path) -> None:
    """With ``--json`` stdout holds the result's document, and with ``--quiet`` stderr nothing."""
    outcome = command(*run_words(spec, tmp_path / "out", "--json", "--quiet"))
    assert (outcome.code, outcome.err) == (0, "")
    assert json.loads(outcome.out)["schema_version"] == 1
    assert outcome.out == (tmp_path / "out" / "result.json").read_text(encoding="utf-8")


def test_output_survives_every_encoding(spec: AuditSpec, tmp_path: Path) -> None:
    """A terminal that knows ASCII only, or a name that is no text, costs no audit."""
    images = tmp_path / "bilder-\udcff-ü"
    images.symlink_to(spec.images, target_is_directory=True)
    words = ["run", spec.model, "--images", images, "--bands", 4, "--formats", "json"]
    table = command(*words, "--out", tmp_path / "out", PYTHONIOENCODING="ascii")
    assert table.code == 0, table.err
    assert "|#######" in table.out, "bars are drawn in ASCII too"
    done = subprocess.run(
        command_words(*words, "--out", tmp_path / "out", "--json", "--quiet"),
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
    )
    assert json.loads(done.stdout)["data"]["path"] == str(images)


def test_a_reader_that_leaves_costs_no_result(spec: AuditSpec, tmp_path: Path) -> None:
    """Where nobody reads stdout any more, the result is written all the same, without a word."""
    words = command_words(*run_words(spec, tmp_path / "out", "--quiet"))
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 1
    assert said == b""
    assert load_result(tmp_path / "out").data.n_images == 6


def on_terminal(*words: object, **environment: str) -> str:
    """Run a command on a terminal, and return everything that it shows there."""
    pty = pytest.importorskip("pty", reason="needs pseudo-terminals")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command_words(*words),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm-256color"} | environment,
    ):
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 1 << 16)
            except OSError:  # the last writer has left
                break
    os.close(ours)
    return shown.decode()


def test_a_terminal_shows_wanted_colours_and_each_warning_once(
    spec: AuditSpec, tmp_path: Path
) -> None:
    """With NO_COLOR there is no colour, of errors or of progress; no warning is read twice."""
    missing = ["inspect", "nowhere.onnx"]
    assert COLOUR.search(on_terminal(*missing))
    for words in (missing, run_words(spec, tmp_path / "out")):
        shown = on_terminal(*words, NO_COLOR="1")
        assert not COLOUR.search(shown)
    warnings = [one.message for one in load_result(tmp_path / "out").warnings]
    assert warnings
    assert [" ".join(shown.split()).count(one) for one in warnings] == [1] * len(warnings)


def test_main_is_a_function_that_exits() -> None:
    """The console script's function ends the process with the command's code."""
    with pytest.raises(SystemExit) as caught:
        main(["models", "--json"])
    assert caught.value.code == 0


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_number_is_cut_short_on_a_narrow_terminal(width: int) -> None:
    """Bars give way; the rest is printed whole, and folded by the terminal where it must be."""
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    result = sample_result()
    print_result(result, console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert "\N{HORIZONTAL ELLIPSIS}" not in printed
    for row in importance_rows(result):
        assert row.importance_interval in printed
        assert row.shapley_interval in printed


def test_a_plan_of_a_stability_panel_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Each stands in the place of an audit, so that one of them would be ignored."""
    with pytest.raises(SystemExit) as stopped:
        main(["run", "model.onnx", "--images", "images", "--plan", "--stability"])
    assert stopped.value.code == 2
    assert "--plan or --stability, found both" in capsys.readouterr().err
