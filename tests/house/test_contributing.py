"""What CONTRIBUTING.md, CHANGELOG.md and the test suite say of files and releases is so."""

import ast
import re
from pathlib import Path

import pytest
from emotion_camera import __version__

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
PATHS = sorted({it for it in re.findall(r"`([\w./-]+)`", TEXT) if "/" in it or it.endswith((".txt", ".md"))})
FOLDERS = ("device/", "models/", "tools/", "training/", "tests/", ".ci/", "requirements.txt")


def test_the_table_answers_questions_by_file():
    rows = re.findall(r"^\| (.+\?) \| `(.+)` \|$", TEXT, re.MULTILINE)
    assert len(rows) > 20
    assert all((ROOT / path).is_file() for _, path in rows), [path for _, path in rows if not (ROOT / path).is_file()]


@pytest.mark.parametrize("path", [it for it in PATHS if it.startswith(FOLDERS)])
def test_each_path_that_is_named_exists(path):
    assert (ROOT / path).exists()


def test_the_make_targets_that_are_named_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for file in ("CONTRIBUTING.md", "CHANGELOG.md", "README.md"):
        named = set(re.findall(r"(?:`|^)make ([a-z-]+)", (ROOT / file).read_text("utf-8"), re.MULTILINE))
        assert named <= targets, file


def test_the_changelog_has_this_release():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert "## [Unreleased]" in text
    assert f"## [{__version__}]" in text


@pytest.mark.parametrize("which", ["ON_TERMINALS", "RUN_LONG"])
def test_the_modules_that_the_suite_knows_by_name_are_there(which):
    """Those that run one at a time, and those that are slow: a move must not lose them."""
    tree = ast.parse((ROOT / "tests" / "conftest.py").read_text("utf-8"))
    assigned = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    names = ast.literal_eval(assigned[which])
    assert names <= {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    assert len(names) > 5


def test_each_requirement_has_a_pin_that_it_takes():
    from packaging.requirements import Requirement

    lines = [line.split("  #")[0] for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()]
    pins: dict[str, list[str]] = {}
    for pin in (Requirement(line) for line in lines if line and not line.startswith("#")):
        pins.setdefault(pin.name.lower(), []).append(str(pin.specifier).removeprefix("=="))
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    declared = text[text.index("dependencies = [") : text.index("[project.scripts]")]
    ranges = [Requirement(it) for it in re.findall(r'"([A-Za-z][^"]*[=><][^"]*)"', declared)]
    assert len(ranges) > 15
    for it in ranges:
        assert it.name.lower() in pins, it.name
        assert all(it.specifier.contains(version, prereleases=True) for version in pins[it.name.lower()]), it.name


def test_the_pins_can_be_constraints():
    """pip refuses constraints with extras, and with them `make demo`."""
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert not [line for line in lines if re.match(r"[\w.-]+\[", line)]
