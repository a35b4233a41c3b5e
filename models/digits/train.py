"""Trains the digit reader and writes digits.onnx and testset.json beside this file.

    pip install -r requirements.txt && python train.py

The 1,797 digits are split 80/20 with a fixed seed; the 20 % go into testset.json and are not looked at before the
last line. `normalise` is the same as in normalise.ts: change both or neither.
"""

import json
import pathlib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).parent
SEED = 8
SIDE = 16  # of the picture that the network sees
INK_SIDE = 11  # the longer side of the ink in it
VARIANTS = 60  # of each training digit
SIMPLE = 3_000  # pictures of a plain 7, and of a plain 1 beside them
EPOCHS, BATCH, RATE = 14, 128, 1.5e-3


def overlaps(centre: float, step: float, length: int) -> numpy.ndarray:
    """SIDE × length: how much of each source pixel lies in each cell of a grid around `centre`, over the cell's size."""
    edges = centre + (numpy.arange(SIDE + 1) - SIDE / 2) * step
    pixels = numpy.arange(length)
    cover = numpy.minimum(edges[1:, None], pixels + 1) - numpy.maximum(edges[:-1, None], pixels)
    return numpy.maximum(cover, 0) / step


def normalise(ink: numpy.ndarray) -> numpy.ndarray:
    """Ink of any size, 0 to 1 → SIDE × SIDE: centred by mass, scaled by extent, strokes brought to one strength."""
    strong = ink > 0.3
    rows, columns = numpy.flatnonzero(strong.any(axis=1)), numpy.flatnonzero(strong.any(axis=0))
    step = max(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1) / INK_SIDE
    mass = ink.sum()
    y = (ink.sum(axis=1) * (numpy.arange(ink.shape[0]) + 0.5)).sum() / mass
    x = (ink.sum(axis=0) * (numpy.arange(ink.shape[1]) + 0.5)).sum() / mass
    cells = overlaps(y, step, ink.shape[0]) @ ink @ overlaps(x, step, ink.shape[1]).T
    inked = numpy.sort(cells[cells > 0.1 * cells.max()])
    return numpy.minimum(1, cells / inked[int(0.75 * (len(inked) - 1))])


def spread(ink: numpy.ndarray) -> numpy.ndarray:
    """0 to 1, the faint traces under a tenth gone: what normalise.ts does after it has found the polarity."""
    ink = numpy.clip(ink / ink.max(), 0, 1)
    return numpy.where(ink < 0.1, 0, ink)


def vary(digit: numpy.ndarray, random: numpy.random.Generator) -> numpy.ndarray:
    """One 8 × 8 digit as it might be drawn: turned, slanted, stretched, thin or thick, sharp or soft, at some size."""
    size = int(random.integers(16, 57))
    angle, slant = random.normal(0, 0.12), random.normal(0, 0.15)
    stretch = numpy.exp(random.normal(0, [0.08, 0.14]))
    turn = numpy.array([[numpy.cos(angle), -numpy.sin(angle)], [numpy.sin(angle), numpy.cos(angle)]])
    zoom = size / 10
    back = numpy.linalg.inv(turn @ numpy.array([[1, 0], [slant, 1]]) @ numpy.diag(stretch) * zoom)
    offset = numpy.array([3.5, 3.5]) - back @ numpy.array([(size - 1) / 2, (size - 1) / 2])
    drawn = ndimage.affine_transform(digit, back, offset, (size, size), order=int(random.choice([1, 3])), prefilter=True)
    drawn = numpy.clip(drawn, 0, None)
    drawn /= max(drawn.max(), 1e-6)
    if random.random() < 0.7:  # a pen has no half tones; where the edge is cut decides its width
        cut, hardness = random.uniform(0.25, 0.7), random.uniform(5, 30)
        drawn = 1 / (1 + numpy.exp(-hardness * (drawn - cut)))
    if random.random() < 0.3:
        drawn = numpy.clip(drawn + random.normal(0, random.uniform(0, 0.08), drawn.shape), 0, 1)
    if random.random() < 0.2:
        drawn = ndimage.gaussian_filter(drawn, random.uniform(0.3, 0.04 * size))
    ink = spread(drawn)
    return normalise(ink if ink.max() > 0.3 else spread(digit))


def raw(digit: numpy.ndarray, random: numpy.random.Generator) -> numpy.ndarray:
    """The digit as it is, or enlarged in one of the usual ways."""
    factor = int(random.integers(1, 7))
    order = int(random.integers(0, 4))
    return normalise(spread(numpy.clip(ndimage.zoom(digit, factor, order=order, grid_mode=True, mode="nearest"), 0, None)))


def pen(points: numpy.ndarray, random: numpy.random.Generator) -> numpy.ndarray:
    """A stroke through points of the unit square, at some size, thin or thick, the edge one pixel soft."""
    size = int(random.integers(24, 57))
    half = size * random.uniform(0.008, 0.08)
    rows, columns = numpy.mgrid[0:size, 0:size] + 0.5
    nearest = numpy.full((size, size), numpy.inf)
    for (x0, y0), (x1, y1) in zip(points * size, points[1:] * size):
        along = ((columns - x0) * (x1 - x0) + (rows - y0) * (y1 - y0)) / max((x1 - x0) ** 2 + (y1 - y0) ** 2, 1e-9)
        along = numpy.clip(along, 0, 1)
        nearest = numpy.minimum(nearest, numpy.hypot(columns - x0 - along * (x1 - x0), rows - y0 - along * (y1 - y0)))
    return numpy.clip(half + 0.5 - nearest, 0, 1)


def bend(start: numpy.ndarray, end: numpy.ndarray, by: float) -> numpy.ndarray:
    """Twelve points of an arc from start to end, `by` its height over its length."""
    at = numpy.linspace(0, 1, 12)[:, None]
    return start + (end - start) * at + 4 * at * (1 - at) * by * numpy.array([start[1] - end[1], end[0] - start[0]])


def simple(label: int, random: numpy.random.Generator) -> numpy.ndarray:
    """A 7 without the bar across it, which the writers of the set hardly know, or a 1 with a flag and at times a foot."""
    foot = numpy.array([random.uniform(0.3, 0.6), random.uniform(0.82, 0.95)])
    if label == 7:
        left = numpy.array([random.uniform(0.1, 0.32), random.uniform(0.06, 0.22)])
        corner = numpy.array([random.uniform(0.68, 0.9), random.uniform(0.05, 0.2)])
        points = numpy.vstack([bend(left, corner, random.normal(0, 0.06)), bend(corner, foot, random.normal(0.05, 0.07))])
    else:
        top = foot + [random.normal(0.08, 0.09), -random.uniform(0.7, 0.78)]
        flag = top + [-random.uniform(0, 0.22), random.uniform(0.04, 0.3)]
        points = numpy.vstack([flag, bend(top, foot, random.normal(0, 0.03))])
        if random.random() < 0.4:
            half = numpy.array([random.uniform(0.1, 0.26), random.normal(0, 0.02)])
            points = numpy.vstack([points, foot - half, foot + half])
    return normalise(spread(pen(points, random)))


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
