"""What the network is shown of a digit. `normalise` is the same as in normalise.ts: change both or neither."""

import numpy
from scipy import ndimage

SIDE = 16  # of the picture that the network sees
INK_SIDE = 11  # the longer side of the ink in it


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
