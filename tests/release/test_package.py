"""What is shipped, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from dataclasses import fields
from pathlib import Path

import pytest

import iaside_audit as ia
from iaside_audit.cli import COMMANDS

ROOT = Path(__file__).parents[2]


def test_public_names_are_pinned() -> None:
    """The names that scripts are written against change only on purpose."""
    assert ia.__all__ == [
        "AuditCancelled",
        "AuditResult",
        "AuditSpec",
        "Cancelled",
        "Control",
        "Estimate",
        "Event",
        "Finished",
        "IASideError",
        "ImageDone",
        "ImageError",
        "ImageFailed",
        "InferenceError",
        "ModelError",
        "Planned",
        "Preparing",
        "Preprocessing",
        "ReportError",
        "SignatureError",
        "SpecError",
        "StoreError",
        "Warned",
        "__version__",
        "audit",
        "load_result",
        "run_audit",
    ]


@pytest.mark.parametrize("name", ia.__all__)
def test_public_name_resolves(name: str) -> None:
    """Every public name can be had, and stays what it is after the others were imported."""
    assert getattr(ia, name) is getattr(ia, name)


def test_audit_is_a_function_after_its_package_was_imported() -> None:
    """No sub-package takes the place of the public function of the same name."""
    code = "import iaside_audit as ia, iaside_audit.auditing; assert callable(ia.audit)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_imports_nothing_heavy() -> None:
    """Neither the package nor its command line imports numpy or anything heavier."""
    code = (
        "import sys, iaside_audit, iaside_audit.cli, iaside_audit.spec;"
        "heavy = {'numpy', 'scipy', 'onnx', 'onnxruntime', 'PIL', 'matplotlib', 'rich', 'cattrs'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_a_worker_loads_no_more_than_it_runs() -> None:
    """Every audit starts one: it knows no statistics, corruptions, clusters or reports."""
    code = (
        "import sys, iaside_audit.worker;"
        "heavy = {'scipy.stats', 'cv2', 'distributed', 'matplotlib', 'rich', 'jsonschema'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_imports_obey_the_contracts() -> None:
    """Dependencies point one way: packages, layers of the engine, a Qt-free engine."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_wheel_holds_exactly_the_three_packages(tmp_path: Path) -> None:
    """The built wheel's top level is our packages and their metadata, nothing else."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*command, "--wheel-dir", str(tmp_path), str(ROOT)], check=True, capture_output=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    assert {one for one in top if not one.endswith(".dist-info")} == {
        "iaside_audit",
        "iaside_models",
        "iaside_ui",
    }
    for needed in (
        "iaside_models/efficientnet_lite0.onnx",
        "iaside_models/LICENSES.md",
        "iaside_audit/report/report.typ",
        "iaside_audit/report/report.html.jinja",
        "iaside_audit/report/report.css",
        "iaside_audit/report/result.schema.json",
        "iaside_audit/py.typed",
    ):
        assert needed in names


@pytest.mark.parametrize("folder", ["ui", "models", "tests", "packaging"])
def test_plain_folders_hold_no_init(folder: str) -> None:
    """An importable `packaging`, say, would hide the library of that name."""
    assert not (ROOT / folder / "__init__.py").exists()


def test_documents_name_every_command_and_option() -> None:
    """The guide keeps up with the program."""
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"iaside-audit {name}" in guide
    for field in fields(ia.AuditSpec):
        if field.name not in {"model", "images"}:
            assert f"--{field.name.replace('_', '-')}" in guide


def test_files_over_a_megabyte_are_only_the_default_model() -> None:
    """The repository stays small."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    large = [
        name
        for name in listed.stdout.split("\0")
        if name and (ROOT / name).is_file() and (ROOT / name).stat().st_size > 1_000_000
    ]
    assert large == ["models/iaside_models/efficientnet_lite0.onnx"]
