"""The report evaluates models again: cards, the README's table and the ablations have the same results, or nothing is written."""

import json
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_camera.model.contract import DEFAULT_MODEL, LARGE_MODEL
from emotion_training.data.fer2013 import Faces
from emotion_training.data.near_duplicates import duplicates_in_test
from emotion_training.evaluate import card, peers, readme_table
from emotion_training.evaluate.report import measure_alone, report

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(8)
ABLATION = {"name": "no votes", "description": "FER2013's labels", "epochs": 9, "minutes": 4, "PublicTest": {"FER+ 7": 0.7, "balanced": 0.6}}  # fmt: skip


@pytest.fixture
def faces() -> Faces:
    """Noise with votes; the first row of each test part repeats a training row."""
    n = 60
    images, labels = RNG.integers(0, 256, (n, 48, 48), np.uint8), np.arange(n, dtype=np.uint8) % 7
    usage = np.repeat(np.array([0, 1, 2], np.uint8), n // 3)
    images[20], images[40] = images[3], images[4]
    votes = np.zeros((n, 10), np.uint8)
    votes[np.arange(n), np.array([4, 5, 6, 1, 3, 2, 0])[labels]] = 10
    return Faces(images, labels, usage, votes)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder of models with one model, its card and its peers, and a README above it."""
    models = tmp_path / "models"
    models.mkdir()
    for end in (".tflite", ".txt"):
        shutil.copyfile(ROOT / "models" / f"emotion{end}", models / f"net{end}")
    shutil.copyfile(ROOT / "models" / peers.PEERS, models / peers.PEERS)
    (models / "net_curve.png").write_bytes(b"a curve")
    card = {
        "sha256": sha256((models / "net.tflite").read_bytes()).hexdigest(),
        "provenance": {"epochs": 5, "temperature": 1.25},
    }
    (models / "net.json").write_text(json.dumps(card))
    (tmp_path / "README.md").write_text(f"above\n{readme_table.OPEN}\nold\n{readme_table.CLOSE}\nbelow\n")
    return models


def files(folder: Path) -> dict[str, bytes]:
    return {str(it.relative_to(folder)): it.read_bytes() for it in folder.rglob("*") if it.is_file()}


def test_test_rows_that_repeat_a_training_row_are_found(faces):
    assert np.flatnonzero(duplicates_in_test(faces)).tolist() == [20, 40]


def test_a_report_writes_card_table_and_ablations(folder, faces):
    (folder / peers.ABLATIONS).write_text(json.dumps([ABLATION]))
    model = (folder / "net.tflite").read_bytes()
    assert report([folder / "net.tflite"], faces, folder) == [folder / "net.md"]
    card, text = json.loads((folder / "net.json").read_text()), (folder / "net.md").read_text()
    assert (folder / "net.tflite").read_bytes() == model
    assert card["provenance"] == {"epochs": 5, "temperature": 1.25}
    assert card["metrics"]["PublicTest"]["FER2013"]["rows"] == 20
    assert card["deduplicated"]["PublicTest"]["FER2013"]["rows"] == 19
    for section in (
        "How it was made", "Evaluation", "Calibration of confidence", "Robustness to corruptions",
        "Comparison with other models", "Limitations", "Misuse",
    ):  # fmt: skip
        assert f"\n## {section}\n" in text
    for said in (
        "temperature is 1.25",
        "Coverage and accuracy by score threshold, PrivateTest:",
        "Cortex-M7 instructions",
        "| occlusion |",
        "deduplicated n",
        "FER+ 8 precision",
    ):
        assert said in text
    for name in ("confusion", "reliability"):
        assert (folder / f"net_{name}.png").read_bytes().startswith(b"\x89PNG")
        assert f"(net_{name}.png)" in text
    assert (folder / "net_curve.png").read_bytes() == b"a curve"
    assert "| no votes | FER2013's labels | 9 | 4 min | 0.700 | 0.600 |" in (folder / "ablations.md").read_text()


def test_the_readme_s_table_has_the_card_s_results_and_the_rest_stays(folder, faces):
    report([folder / "net.tflite"], faces, folder)
    metrics = json.loads((folder / "net.json").read_text())["metrics"]["PrivateTest"]
    text = (folder.parent / "README.md").read_text()
    assert text.startswith(f"above\n{readme_table.OPEN}\n| model |")
    assert text.endswith(f"|\n{readme_table.CLOSE}\nbelow\n")
    row = next(line for line in text.splitlines() if "`models/net.tflite`" in line)
    assert f"| {100 * metrics['FER+ 7']['accuracy']:.1f} % | {100 * metrics['FER+ 7']['balanced']:.1f} % |" in row
    assert row.endswith(f"| {100 * metrics['FER2013']['accuracy']:.1f} % |")
    assert "vicksam" in text


def test_the_table_in_the_readme_is_that_of_the_shipped_cards():
    cards = [
        json.loads(path.with_suffix(".json").read_text()) for path in (DEFAULT_MODEL, LARGE_MODEL) if path.is_file()
    ]
    measured = json.loads((ROOT / "models" / peers.PEERS).read_text())["measured"]
    table = (ROOT / "README.md").read_text(encoding="utf-8").split(readme_table.OPEN)[1].split(readme_table.CLOSE)[0]
    assert table.strip() == readme_table.results_table(cards, measured)


@pytest.mark.parametrize("path", [DEFAULT_MODEL, LARGE_MODEL], ids=lambda path: path.stem)
def test_the_shipped_cards_are_rendered_from_their_json(path):
    content = json.loads(path.with_suffix(".json").read_text())
    rendered = card.render(content, peers.read_references(path.parent))
    assert path.with_suffix(".md").read_text(encoding="utf-8") == rendered


def test_the_baseline_is_compared_with_another_model_only(folder, faces):
    path = folder / "net.tflite"
    baseline = measure_alone(path, faces, folder / peers.BASELINE)
    report([path], faces, folder)
    assert "baseline v1" not in (folder / "net.md").read_text()
    baseline["robustness"]["PrivateTest"]["corrupted"]["blur"]["mild"] = {"accuracy": 0.123, "balanced": 0.321}
    (folder / peers.BASELINE).write_text(json.dumps({**baseline, "sha256": "of another file"}))
    report([path], faces, folder)
    text = (folder / "net.md").read_text()
    assert "| baseline v1: mild |" in text
    assert "0.123 / 0.321" in text


def no_card(folder: Path) -> None:
    (folder / "net.json").unlink()


def card_of_another(folder: Path) -> None:
    (folder / "net.json").write_text('{"sha256": "other", "provenance": {}}')


def no_curve(folder: Path) -> None:
    (folder / "net_curve.png").unlink()


def half_marked(folder: Path) -> None:
    (folder.parent / "README.md").write_text(readme_table.OPEN)


def lame_ablation(folder: Path) -> None:
    (folder / peers.ABLATIONS).write_text('[{"name": "no votes"}]')


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_card, r"net\.json: no such file; run emotion-camera train card"),
        (card_of_another, r"net\.json: is the card of another file"),
        (no_curve, r"net_curve\.png: no such file; run emotion-camera train card"),
        (half_marked, r"README\.md: has <!-- figures --> without"),
        (lame_ablation, r"ablations\.json: cannot be used"),
    ],
)
def test_what_cannot_be_reported_is_refused_with_nothing_written(folder, faces, damage, message):
    damage(folder)
    before = files(folder.parent)
    with pytest.raises(UserError, match=message):
        report([folder / "net.tflite"], faces, folder)
    assert files(folder.parent) == before


def test_data_without_test_rows_are_refused_with_nothing_written(folder, faces):
    before = files(folder.parent)
    with pytest.raises(UserError, match="no rows of PublicTest or PrivateTest"):
        report([folder / "net.tflite"], faces.part(0), folder)
    with pytest.raises(UserError, match="there is no folder"):
        measure_alone(folder / "net.tflite", faces, folder / "nowhere" / "figures.json")
    assert files(folder.parent) == before


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("report", "--data", "nowhere.csv"), 1, "nowhere.csv: no such file"),
        (("report",), 2, "--data"),
        (("robustness", "--data", "nowhere.csv"), 1, "nowhere.csv: no such file"),
    ],
)
def test_mistakes_on_the_command_line_get_a_sentence(arguments, code, said):
    done = subprocess.run(
        [sys.executable, "-m", "emotion_training", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr
