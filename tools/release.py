"""`make release`: all that a release consists of, in dist/.

The wheel and the source archive; for each kind of board a zip with the files to drag onto it, and the same as a folder for
`mpremote mip install`; the parts list (SBOM, CycloneDX); SHA256SUMS over all of it. Two builds of one commit with the same
packages installed give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from emotion_camera import __version__
from emotion_camera.boards import BOARDS, Board
from emotion_camera.files import write_file, write_json
from emotion_camera.model.bundle import camera_files
from emotion_camera.model.contract import DEFAULT_MODEL, LARGE_MODEL

if TYPE_CHECKING:
    from cyclonedx.model.component import Component

ROOT = Path(__file__).resolve().parents[1]
LONG_AGO = (2020, 2, 2, 0, 0, 0)  # every file's time in a zip, as in wheels by hatchling
ECHARTS = "6.1.0"  # tools/emotion_camera/web/README.md
README = """\
Emotion camera {version} for {boards}

1. Plug the camera in (firmware v4.5.5 or later). It shows up as a USB disk; with an SD card in it, the disk is the card.
2. Drag onto the disk: {files}. Not this file.
3. Eject the disk, unplug the camera and plug it in again.
4. OpenMV IDE: click Connect. The frame buffer shows each face boxed and named; Serial Terminal shows the reports.

{note}
An expression is not a feeling: do not judge people by it, and tell those in view that a camera reads expressions.
Licence: MIT. All that it can do: emotion-camera --help, after pip install emotion-camera.
"""


class Group(NamedTuple):
    """The boards that get the same files."""

    small: bool
    model: Path
    note: str


SMALL = Group(
    True, DEFAULT_MODEL, "main.py starts the program in emotion_camera.mpy: these boards lack the memory to compile it."
)
LARGE = Group(False, LARGE_MODEL, "The model is the larger, more accurate emotion_plus.")
AE3 = Group(False, DEFAULT_MODEL, "Faster on its neural processor: emotion-camera vela makes that model from this one.")


def group_of(board: Board) -> Group | None:
    """The group of a board; None for those that run no such model."""
    if not board.runs_plain_models:
        return None
    return AE3 if board.board_type == "AE3" else SMALL if board.small_heap else LARGE


def groups() -> dict[str, tuple[Group, list[Board]]]:
    """Each group's boards, by the name of its files: h7-nicla, h7plus-..., ae3."""
    found: dict[Group, list[str]] = {}
    for name, board in BOARDS.items():
        group = group_of(board)
        if group is not None:
            found.setdefault(group, []).append(name)
    return {"-".join(names): (group, [BOARDS[name] for name in names]) for group, names in found.items()}


def camera_bundles(out: Path) -> None:
    """For each group a zip, and a folder with a package.json for `mpremote mip install --target /flash`."""
    for name, (group, boards) in groups().items():
        files = {target: path.read_bytes() for target, path in camera_files(group.small, group.model).items()}
        text = README.format(
            version=__version__, boards=", ".join(it.name for it in boards), files=", ".join(files), note=group.note
        )
        write_zip(out / f"emotion-camera-{__version__}-{name}.zip", files | {"README.txt": text.encode()})
        folder = out / "mip" / name
        folder.mkdir(parents=True)
        for target, data in files.items():
            write_file(folder / target, data)
        write_json(folder / "package.json", {"urls": [[it, it] for it in files], "deps": [], "version": __version__})


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    """A zip of the same bytes each time."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)


def packages(out: Path) -> None:
    """The wheel and the source archive, by the build backend that is installed here: nothing is fetched."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(out)], cwd=ROOT, check=True)


def parts_list(path: Path) -> None:
    """The packages that `pip install emotion-camera` brings here, and ECharts, which comes along, as CycloneDX."""
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import ComponentType
    from cyclonedx.output.json import JsonV1Dot6

    found = requirements_of("emotion-camera", {})
    parts = {name: _component("pypi", name, it.version, _licence(it)) for name, (it, _) in found.items()}
    root = parts.pop("emotion-camera")
    root.type = ComponentType.APPLICATION
    bom = Bom(components=parts.values())
    bom.metadata.component, bom.metadata.timestamp = root, None  # type: ignore[assignment]
    bom.components.add(_component("npm", "echarts", ECHARTS, "Apache-2.0"))
    for name, (_, names) in found.items():
        bom.register_dependency(parts.get(name, root), [parts[it] for it in names])
    made = json.loads(JsonV1Dot6(bom).output_as_string())
    made.pop("serialNumber", None)  # another one each time
    made["metadata"].pop("timestamp", None)
    write_json(path, made)


def requirements_of(
    name: str, known: dict[str, tuple[Distribution, list[str]]]
) -> dict[str, tuple[Distribution, list[str]]]:
    """A distribution, and all that it needs on this computer without extras: each with the names that it needs itself."""
    from packaging.requirements import Requirement

    found = distribution(name)
    wanted = map(Requirement, found.requires or [])
    names = sorted({_plain(it.name) for it in wanted if it.marker is None or it.marker.evaluate({"extra": ""})})
    known[_plain(name)] = (found, names)
    for each in names:
        if each not in known:
            requirements_of(each, known)
    return known


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _licence(found: Distribution) -> str:
    """The licence that a package names, a line at most; empty where it names none."""
    told = found.metadata.json
    return str(told.get("license_expression") or str(told.get("license", "")).partition("\n")[0])


def _component(kind: str, name: str, version: str, licence: str) -> Component:
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        purl=PackageURL(kind, name=name, version=version),
        bom_ref=f"{name}@{version}",
        licenses=[LicenseFactory().make_from_string(licence)] if licence else [],
    )


def sums(out: Path) -> None:
    """SHA256SUMS, which `sha256sum --check` reads."""
    files = sorted(path for path in out.rglob("*") if path.is_file())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(out).as_posix()}\n" for path in files]
    write_file(out / "SHA256SUMS", "".join(lines).encode())


def main() -> int:
    """Make the folder anew, and print what is in it."""
    parser = argparse.ArgumentParser("make release", description="Build all files of a release.", allow_abbrev=False)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="made anew (default: dist)")
    out: Path = parser.parse_args().out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    packages(out)
    camera_bundles(out)
    parts_list(out / f"emotion-camera-{__version__}.cdx.json")
    sums(out)
    for path in sorted(out.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:>9,}  {path.relative_to(out).as_posix()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
