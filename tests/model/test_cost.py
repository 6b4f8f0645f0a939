"""What a network costs on a Cortex-M7, against what was counted there."""

import pytest
from bench import reference
from emotion_camera.model.contract import DEFAULT_MODEL, LARGE_MODEL
from emotion_camera.model.cost import (
    Layer,
    convolution,
    layer_instructions,
    milliseconds,
    network_instructions,
    predict_instructions,
)
from emotion_camera.model.tflite import describe
from emotion_training.fit.network import SHAPES, layers_of, weights_of

# Instructions a multiply-accumulate, counted on CMSIS-NN's kernels: input and output channels, positions of the kernel.
COUNTED = {
    (8, 8, 9): 3.60, (10, 10, 9): 3.18, (12, 12, 9): 2.72, (14, 14, 9): 2.60, (16, 16, 9): 2.36, (18, 18, 9): 2.32,
    (20, 20, 9): 2.19, (24, 24, 9): 2.08, (32, 32, 9): 1.94, (48, 48, 9): 1.82, (64, 64, 9): 1.77, (96, 96, 9): 1.72,
    (15, 16, 9): 2.49, (16, 15, 9): 2.42, (16, 32, 9): 2.15, (32, 16, 9): 2.09, (16, 64, 9): 2.05, (64, 16, 9): 1.95,
    (32, 64, 9): 1.86, (1, 8, 9): 14.0, (1, 12, 9): 11.6, (1, 16, 9): 10.5, (1, 32, 9): 8.7, (1, 16, 16): 7.5,
    (1, 24, 16): 6.5, (1, 16, 25): 6.3, (1, 48, 36): 3.8, (32, 32, 4): 2.16, (32, 32, 3): 2.3, (16, 16, 25): 2.1,
    (16, 16, 1): 4.08, (24, 24, 1): 3.40, (32, 32, 1): 2.77, (64, 64, 1): 2.12, (128, 128, 1): 1.80, (96, 24, 1): 1.91,
    (16, 96, 1): 4.06,
}  # fmt: skip


@pytest.mark.parametrize(("shape", "counted"), COUNTED.items())
def test_a_convolution_costs_what_was_counted(shape, counted):
    assert convolution(*shape) == pytest.approx(counted, rel=0.05)


def test_convolutions_are_a_hundredth_off_on_average():
    errors = [convolution(*shape) / counted - 1 for shape, counted in COUNTED.items()]
    assert sum(map(abs, errors)) / len(errors) < 0.011
    assert abs(sum(errors) / len(errors)) < 0.002


def residual(stem: int, stages: list[tuple[int, int]], last: int) -> list[Layer]:
    """A residual network on 48 x 48 pixels: channels of the stem, channels and blocks of each stage, and of the last 1x1."""
    layers, side, inputs = [Layer("CONV_2D", 48 * 48, stem, 1, 9)], 48, stem
    for outputs, blocks in stages:
        side //= 2
        layers.append(Layer("CONV_2D", side**2, outputs, inputs, 9))
        layers += [Layer("CONV_2D", side**2, outputs, outputs, 9), Layer("ADD", side**2, outputs)] * blocks
        inputs = outputs
    dense = [Layer("MEAN", 1, last), Layer("FULLY_CONNECTED", 1, 7, last, 1), Layer("SOFTMAX", 1, 7)]
    return [*layers, Layer("CONV_2D", side**2, last, inputs, 1), *dense]


# The two models of which calls were recorded: emotion.tflite and emotion_plus.tflite as of November 2026.
SMALL = residual(12, [(24, 1), (40, 1), (56, 1)], 96)
LARGE = residual(16, [(32, 2), (64, 2), (64, 2)], 128)


@pytest.mark.parametrize(("layers", "counted"), [(SMALL, 22.65e6), (LARGE, 61.3e6)])
def test_the_recorded_models_convolutions_come_to_what_was_counted(layers, counted):
    convolutions = [layer for layer in layers if layer.operator == "CONV_2D"]
    assert network_instructions(convolutions) == pytest.approx(counted, rel=0.01)


@pytest.mark.parametrize(("layers", "recorded"), [(SMALL, 24_937_920), (LARGE, 67_024_200)])
def test_a_call_of_predict_costs_what_was_recorded_on_the_firmware(layers, recorded):
    assert predict_instructions(layers) == pytest.approx(recorded, rel=0.001)


def test_layers_are_read_from_a_file(tmp_path):
    (tmp_path / "net.tflite").write_bytes(reference.network())
    found = describe(tmp_path / "net.tflite")
    assert found.layers == (Layer("CONV_2D", 21 * 21, 16, 16, 9),) * 10
    assert found.macs == reference.MACS


def test_all_operators_of_the_shipped_models_have_a_layer_and_their_weights_are_in_it():
    for path in (DEFAULT_MODEL, LARGE_MODEL):
        found = describe(path)
        assert tuple(layer.operator for layer in found.layers) == found.operators
        assert found.layers[0].inputs == 1
        assert found.layers[-1].outputs == 7
        assert network_instructions(found.layers) / found.macs == pytest.approx(2.2, abs=0.6)


@pytest.mark.parametrize(("path", "name"), [(DEFAULT_MODEL, "emotion"), (LARGE_MODEL, "emotion_plus")])
def test_a_shape_is_counted_before_it_is_trained_as_its_file_is_after(path, name):
    layers = layers_of(SHAPES[name])
    assert network_instructions(layers) == network_instructions(describe(path).layers)
    assert weights_of(layers) == sum(layer.macs / layer.pixels for layer in describe(path).layers)
    assert len(path.read_bytes()) - weights_of(layers) < 12_000


def test_a_layer_without_weights_is_counted_by_its_elements():
    assert layer_instructions(Layer("ADD", 576, 24)) == 94 * 576 * 24
    assert layer_instructions(Layer("SOFTMAX", 1, 7)) == 0


def test_layers_that_are_no_convolutions_have_their_own_price():
    assert layer_instructions(Layer("DEPTHWISE_CONV_2D", 144, 32, 1, 9)) == 8.5 * 144 * 32 * 9
    assert layer_instructions(Layer("FULLY_CONNECTED", 1, 64, 576, 1)) == 4.9 * 64 * 576


def mobilenet() -> list[Layer]:
    """MobileNetV1-0.25 at 128 x 128 pixels, of 1,000 classes: side of the output, channels in and out of each block."""
    blocks = [(64, 8, 16), (32, 16, 32), (32, 32, 32), (16, 32, 64), (16, 64, 64), (8, 64, 128), *[(8, 128, 128)] * 5,
              (4, 128, 256), (4, 256, 256)]  # fmt: skip
    layers = [Layer("CONV_2D", 64 * 64, 8, 3, 9)]
    for side, inputs, outputs in blocks:
        layers += [Layer("DEPTHWISE_CONV_2D", side**2, inputs, 1, 9), Layer("CONV_2D", side**2, outputs, inputs, 1)]
    return [*layers, Layer("CONV_2D", 1, 1000, 256, 1)]


def test_a_network_that_was_measured_on_an_h7_takes_its_77_ms():
    assert milliseconds(network_instructions(mobilenet())) == pytest.approx(77, rel=0.03)
