"""Trains the digit reader and writes digits.onnx and testset.json beside this file.

    pip install -r requirements.txt && python train.py

The 1,797 digits are split 80/20 with a fixed seed; the 20 % go into testset.json and are not looked at before the
last line.
"""

import json
import pathlib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from variants import SIDE, normalise, raw, simple, spread, vary

HERE = pathlib.Path(__file__).parent
SEED = 8
VARIANTS = 60  # of each training digit
SIMPLE = 3_000  # pictures of a plain 7, and of a plain 1 beside them
EPOCHS, BATCH, RATE = 14, 128, 1.5e-3


class Conv:
    """3 × 3, padded, then ReLU and 2 × 2 maximum."""

    def __init__(self, inputs: int, outputs: int, random: numpy.random.Generator):
        scale = numpy.sqrt(2 / (9 * inputs))
        self.weight = random.normal(0, scale, (9 * inputs, outputs)).astype(numpy.float32)
        self.bias = numpy.zeros(outputs, dtype=numpy.float32)

    def forward(self, x: numpy.ndarray) -> numpy.ndarray:
        count, side, _, inputs = x.shape
        padded = numpy.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        views = [padded[:, i : i + side, j : j + side] for i in range(3) for j in range(3)]
        self.columns = numpy.concatenate(views, axis=3).reshape(-1, 9 * inputs)
        active = numpy.maximum(self.columns @ self.weight + self.bias, 0)
        blocks = active.reshape(count, side // 2, 2, side // 2, 2, -1).transpose(0, 1, 3, 5, 2, 4)
        blocks = blocks.reshape(*blocks.shape[:4], 4)
        self.chosen, self.shape = blocks.argmax(axis=4), x.shape
        pooled = numpy.take_along_axis(blocks, self.chosen[..., None], axis=4)[..., 0]
        self.alive = pooled > 0
        return pooled

    def backward(self, gradient: numpy.ndarray) -> tuple[numpy.ndarray, list[numpy.ndarray]]:
        count, side, _, inputs = self.shape
        blocks = numpy.zeros((*self.chosen.shape, 4), dtype=numpy.float32)
        numpy.put_along_axis(blocks, self.chosen[..., None], (gradient * self.alive)[..., None], axis=4)
        full = blocks.reshape(*self.chosen.shape, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(count * side * side, -1)
        columns = (full @ self.weight.T).reshape(count, side, side, 9, inputs)
        padded = numpy.zeros((count, side + 2, side + 2, inputs), dtype=numpy.float32)
        for at in range(9):
            i, j = divmod(at, 3)
            padded[:, i : i + side, j : j + side] += columns[:, :, :, at]
        return padded[:, 1:-1, 1:-1], [self.columns.T @ full, full.sum(axis=0)]

    def parameters(self) -> list[numpy.ndarray]:
        return [self.weight, self.bias]


class Dense:
    def __init__(self, inputs: int, outputs: int, random: numpy.random.Generator, relu: bool):
        self.weight = random.normal(0, numpy.sqrt(2 / inputs), (inputs, outputs)).astype(numpy.float32)
        self.bias = numpy.zeros(outputs, dtype=numpy.float32)
        self.relu = relu

    def forward(self, x: numpy.ndarray) -> numpy.ndarray:
        self.input = x
        self.output = x @ self.weight + self.bias
        return numpy.maximum(self.output, 0) if self.relu else self.output

    def backward(self, gradient: numpy.ndarray) -> tuple[numpy.ndarray, list[numpy.ndarray]]:
        if self.relu:
            gradient = gradient * (self.output > 0)
        return gradient @ self.weight.T, [self.input.T @ gradient, gradient.sum(axis=0)]

    def parameters(self) -> list[numpy.ndarray]:
        return [self.weight, self.bias]


class Network:
    def __init__(self, random: numpy.random.Generator):
        self.first, self.second = Conv(1, 16, random), Conv(16, 32, random)
        self.third, self.last = Dense(32 * 16, 64, random, True), Dense(64, 10, random, False)
        self.layers = [self.first, self.second, self.third, self.last]

    def logits(self, x: numpy.ndarray, keep: numpy.ndarray | None = None) -> numpy.ndarray:
        x = self.second.forward(self.first.forward(x[..., None]))
        self.pooled = x.shape
        x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)  # channel first, as ONNX flattens
        self.keep = keep
        return self.last.forward(self.third.forward(x if keep is None else x * keep))

    def gradients(self, gradient: numpy.ndarray) -> list[numpy.ndarray]:
        gradient, last = self.last.backward(gradient)
        gradient, third = self.third.backward(gradient)
        if self.keep is not None:
            gradient = gradient * self.keep
        count, side, _, channels = self.pooled
        gradient = gradient.reshape(count, channels, side, side).transpose(0, 2, 3, 1)
        gradient, second = self.second.backward(gradient)
        return self.first.backward(gradient)[1] + second + third + last

    def parameters(self) -> list[numpy.ndarray]:
        return [value for layer in self.layers for value in layer.parameters()]


def softmax(logits: numpy.ndarray) -> numpy.ndarray:
    chance = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    return chance / chance.sum(axis=1, keepdims=True)


def train(pictures: numpy.ndarray, labels: numpy.ndarray, random: numpy.random.Generator) -> Network:
    """Adam, half the flattened features dropped, labels smoothed by a twentieth, the rate falling to nothing."""
    network = Network(random)
    moments = [(numpy.zeros_like(value), numpy.zeros_like(value)) for value in network.parameters()]
    steps, step = EPOCHS * (len(pictures) // BATCH), 0
    for epoch in range(EPOCHS):
        order, loss = random.permutation(len(pictures)), 0.0
        for start in range(0, len(order) - BATCH + 1, BATCH):
            rows = order[start : start + BATCH]
            keep = (random.random((BATCH, 512)) < 0.5).astype(numpy.float32) * 2
            chance = softmax(network.logits(pictures[rows], keep))
            loss -= float(numpy.log(chance[numpy.arange(BATCH), labels[rows]]).mean())
            target = numpy.full_like(chance, 0.005)
            target[numpy.arange(BATCH), labels[rows]] += 0.95
            gradients = network.gradients((chance - target).astype(numpy.float32) / BATCH)
            step += 1
            rate = RATE * (1 + numpy.cos(numpy.pi * step / steps)) / 2
            for value, gradient, (mean, square) in zip(network.parameters(), gradients, moments):
                mean += 0.1 * (gradient - mean)
                square += 0.001 * (gradient * gradient - square)
                value -= rate * (mean / (1 - 0.9**step)) / (numpy.sqrt(square / (1 - 0.999**step)) + 1e-7)
        print(f"epoch {epoch + 1}: loss {loss / (len(order) // BATCH):.4f}", flush=True)
    return network


def export(network: Network, path: pathlib.Path) -> None:
    def convolution(layer: Conv, inputs: int) -> numpy.ndarray:
        return layer.weight.reshape(3, 3, inputs, -1).transpose(3, 2, 0, 1).copy()

    values = {
        "w1": convolution(network.first, 1), "b1": network.first.bias,
        "w2": convolution(network.second, 16), "b2": network.second.bias,
        "w3": network.third.weight, "b3": network.third.bias,
        "w4": network.last.weight, "b4": network.last.bias,
    }
    same = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    half = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [
        helper.make_node("Conv", ["picture", "w1", "b1"], ["c1"], **same),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("MaxPool", ["r1"], ["p1"], **half),
        helper.make_node("Conv", ["p1", "w2", "b2"], ["c2"], **same),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("MaxPool", ["r2"], ["p2"], **half),
        helper.make_node("Flatten", ["p2"], ["f"]),
        helper.make_node("Gemm", ["f", "w3", "b3"], ["g3"]),
        helper.make_node("Relu", ["g3"], ["r3"]),
        helper.make_node("Gemm", ["r3", "w4", "b4"], ["g4"]),
        helper.make_node("Softmax", ["g4"], ["chances"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["count", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info("chances", TensorProto.FLOAT, ["count", 10])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_testset(path: pathlib.Path, digits: numpy.ndarray, labels: numpy.ndarray) -> None:
    """One line for each digit: its 64 pixels in the figures 0 to g, 0 to 16."""
    lines = [
        json.dumps({"label": str(label), "pixels": "".join("0123456789abcdefg"[int(value)] for value in digit.flat)})
        for digit, label in zip(digits, labels)
    ]
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")


def main() -> None:
    random = numpy.random.default_rng(SEED)
    data = load_digits()
    seen, unseen, labels, unseen_labels = train_test_split(
        data.images, data.target, test_size=0.2, random_state=SEED, stratify=data.target
    )
    write_testset(HERE / "testset.json", unseen, unseen_labels)
    pictures, answers = [], []
    for digit, label in zip(seen / 16, labels):
        for at in range(VARIANTS):
            pictures.append(raw(digit, random) if at % 4 == 0 else vary(digit, random))
            answers.append(label)
    for label in (1, 7):
        pictures += [simple(label, random) for _ in range(SIMPLE)]
        answers += [label] * SIMPLE
    print(f"{len(seen)} training digits, {len(pictures)} variants", flush=True)
    network = train(numpy.array(pictures, dtype=numpy.float32), numpy.array(answers), random)
    export(network, HERE / "digits.onnx")
    shown = numpy.array([normalise(spread(digit / 16)) for digit in unseen], dtype=numpy.float32)
    right = network.logits(shown).argmax(axis=1) == unseen_labels
    print(f"test: {right.mean():.4f} ({right.sum()} of {len(right)})")


if __name__ == "__main__":
    main()
