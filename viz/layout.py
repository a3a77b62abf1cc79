"""Where the boxes of a left-to-right drawing go, and the lines between them. Knows sizes and edges, not what is drawn.

    which column ................. _rank
    a way past other boxes ....... _route
    who is above whom ............ _order
    how high ..................... _settle
    from columns to points ....... arrange

Same input, same output. Source: Gansner, Koutsofios, North, Vo, *A Technique for Drawing Directed Graphs* (1993).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

import numpy as np
import numpy.typing as npt

Point = tuple[float, float]
Columns = list[list[int]]
Neighbours = list[list[int]]
Links = npt.NDArray[np.int64]

BETWEEN_BOXES = 18.0  # all lengths are in pixels
BETWEEN_LINES = 12.0
BETWEEN_COLUMNS = 44.0
BETWEEN_ENDS = 12.0  # of lines that meet at one side of a box
MARGIN = 16.0
_READABLE = 600  # places; in a larger drawing nobody can follow the lines that more patience would untangle
_IN_ORDER = 3  # edges that arrive as listed, even if they cross, since a - b is not b - a
_LINE = 2.0  # the height kept free for a line that passes a column


@dataclass(frozen=True)
class Layout:
    """Positions in pixels, from the top left corner.

    ``lines`` has the points of each edge: each is joined to the next by a curve that leaves and arrives horizontally.
    """

    width: float
    height: float
    centres: tuple[Point, ...]
    lines: tuple[tuple[Point, ...], ...]


def arrange(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[tuple[int, int]],
    *,
    run_up: float = 0.0,
    between_ends: float = BETWEEN_ENDS,
) -> Layout:
    """Place boxes in columns, sources left of targets, such that no boxes overlap and no line passes through a box.

    Args:
        sizes: width and height of each box.
        edges: source and target of each edge; two equal edges are drawn apart. Where few meet, the first listed arrives on top.
        run_up: how long each line runs straight before it arrives, so that a label has room on it.
        between_ends: the room between lines that meet at a box, as far as its height allows.

    Raises:
        ValueError: an edge does not lead from a lower to a higher index (the boxes are not in topological order).
    """
    if not all(0 <= u < v < len(sizes) for u, v in edges):
        raise ValueError("arrange: each edge must lead from a box to a later one; list the boxes in topological order")
    rank = _rank(len(sizes), edges)
    ways, before, after = _route(rank, edges)
    columns = _order(rank, before, after)
    heights = [height for _, height in sizes] + [_LINE] * (len(rank) - len(sizes))
    y = _settle(columns, heights, before, after)
    top = min((y[i] - h / 2 for i, h in enumerate(heights)), default=0.0) - MARGIN
    y = [round(height - top, 1) for height in y]

    left, right, x = [], [], MARGIN
    for column, next_column in zip_longest(columns, columns[1:], fillvalue=()):
        left.append(x)
        right.append(x + max((sizes[i][0] for i in column if i < len(sizes)), default=0.0))
        steepest = max((abs(y[u] - y[v]) for v in next_column for u in before[v]), default=0.0)
        x = right[-1] + BETWEEN_COLUMNS + run_up + min(steepest / 8, 3 * BETWEEN_COLUMNS)
    centres = [((left[rank[i]] + right[rank[i]]) / 2, y[i]) for i in range(len(sizes))]

    starts, ends = _spread(edges, [ways[u][rank[v] - rank[u] - 1] for u, v in edges], y, heights, between_ends)
    # Only where a way bends matters to its lines: many long ones that share it would cost its length each.
    bends = [[k for k in range(1, len(way) - 1) if not y[way[k - 1]] == y[way[k]] == y[way[k + 1]]] for way in ways]
    lines = []
    for (u, v), start, end in zip(edges, starts, ends, strict=True):
        points = [(centres[u][0] + sizes[u][0] / 2, start), (right[rank[u]], start)]
        last = rank[v] - rank[u] - 1
        passed = [1, *bends[u][: bisect_left(bends[u], last)], last] if last else []
        for i in [ways[u][k] for k in passed]:
            points += [(left[rank[i]], y[i]), (right[rank[i]], y[i])]
        points += [(left[rank[v]] - run_up, end), (centres[v][0] - sizes[v][0] / 2, end)]
        lines.append(_without_needless(points))
    bottom = max((y[i] + h / 2 for i, h in enumerate(heights)), default=MARGIN)
    return Layout(max([MARGIN, *right]) + MARGIN, bottom + MARGIN, tuple(centres), tuple(lines))


def _rank(n: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The column of each box: as far left as its sources allow, then right again where that makes its edges shorter in all."""
    sources: Neighbours = [[] for _ in range(n)]
    targets: Neighbours = [[] for _ in range(n)]
    for u, v in edges:
        sources[v].append(u)
        targets[u].append(v)
    rank = [0] * n
    for v in range(n):
        rank[v] = max((rank[u] + 1 for u in sources[v]), default=0)
    for u in reversed(range(n)):
        # A source used only here comes along when u moves, so its edge gets no longer.
        holding = sum(1 for s in sources[u] if sources[s] or len(targets[s]) > 1)
        if targets[u] and len(targets[u]) >= holding:
            rank[u] = min(rank[v] for v in targets[u]) - 1
    first = min(rank, default=0)
    return [r - first for r in rank]


def _route(rank: list[int], edges: Sequence[tuple[int, int]]) -> tuple[list[list[int]], Neighbours, Neighbours]:
    """Each box's way to the right, one place a column, and what stands before and after each place.

    All edges of a box share its way, each as far as it needs. Places but the first are new in ``rank``.
    """
    ways = [[i] for i in range(len(rank))]
    before: Neighbours = [[] for _ in rank]
    after: Neighbours = [[] for _ in rank]
    for u, v in dict.fromkeys(edges):
        way = ways[u]
        for place in range(len(rank), len(rank) + rank[v] - rank[u] - len(way)):
            rank.append(rank[way[-1]] + 1)
            before.append([way[-1]])
            after.append([])
            after[way[-1]].append(place)
            way.append(place)
        last = way[rank[v] - rank[u] - 1]
        before[v].append(last)
        after[last].append(v)
    return ways, before, after


def _order(rank: list[int], before: Neighbours, after: Neighbours) -> Columns:
    """The places of each column from top to bottom. Starts from a walk back from the results, which keeps operands together."""
    columns: Columns = [[] for _ in range(max(rank, default=-1) + 1)]
    seen = [False] * len(rank)
    for end in [i for i in range(len(rank)) if not after[i]]:
        stack = [end]
        while stack:
            i = stack.pop()
            if not seen[i]:
                seen[i] = True
                columns[rank[i]].append(i)
                stack.extend(before[i][::-1])
    links = np.array([(i, j) for i, row in enumerate(after) for j in row], dtype=np.int64).reshape(-1, 2).T
    best, fewest, in_vain = columns, _crossings(columns, links), 0
    for sweep in range(24):
        columns = _sweep(columns, after, -1, sweep) if sweep % 2 == 0 else _sweep(columns, before, 1, sweep)
        if len(rank) <= _READABLE:
            _swap_neighbours(columns, before, after)
        crossings = _crossings(columns, links)
        in_vain += 1
        if crossings < fewest:
            best, fewest, in_vain = [column[:] for column in columns], crossings, 0
        if in_vain == (6 if len(rank) <= _READABLE else 3):
            break
    return best


def _sweep(columns: Columns, neighbours: Neighbours, step: int, sweep: int) -> Columns:
    """Columns sorted by the median place of each one's neighbours, column by column; who has none keeps its place."""
    position = [0.0] * len(neighbours)
    swept = []
    for column in columns[::step]:
        # Equals change their order every other time, or sweeps would soon stand still.
        movers = [i for i in column[:: -1 if sweep % 4 > 1 else 1] if neighbours[i]]
        wishes = dict(zip(movers, _medians([neighbours[i] for i in movers], position), strict=True))
        moved = iter(sorted(movers, key=wishes.__getitem__))
        column = [next(moved) if neighbours[i] else i for i in column]
        for k, i in enumerate(column):
            position[i] = (k + 0.5) / len(column)
        swept.append(column)
    return swept[::step]


def _swap_neighbours(columns: Columns, before: Neighbours, after: Neighbours) -> None:
    """Swap two places of a column that lie one above the other wherever that saves crossings."""
    position = [0] * len(before)
    for column in columns:
        for k, i in enumerate(column):
            position[i] = k
    for _ in range(4):
        swapped = False
        for column in columns:
            for k in range(len(column) - 1):
                i, j = column[k], column[k + 1]
                if _saved(i, j, before, position) + _saved(i, j, after, position) > 0:
                    column[k], column[k + 1] = j, i
                    position[i], position[j] = k + 1, k
                    swapped = True
        if not swapped:
            break


def _saved(i: int, j: int, neighbours: Neighbours, position: list[int]) -> int:
    """How many crossings fewer with ``j`` above ``i`` than with ``i`` above ``j``, on one side of the column."""
    ends = sorted([position[n] for n in neighbours[j]])
    return sum([bisect_left(ends, position[n]) - len(ends) + bisect_right(ends, position[n]) for n in neighbours[i]])


def _medians(rows: Neighbours, at: list[float]) -> list[float]:
    """The median of where each row's places are."""
    return [at[row[0]] if len(row) == 1 else _median([at[j] for j in row]) for row in rows]


def _median(numbers: list[float]) -> float:
    numbers.sort()
    middle = len(numbers) // 2
    return numbers[middle] if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) / 2


def _crossings(columns: Columns, links: Links) -> int:
    """How often lines between neighbouring columns cross: pairs of links that start in one order and end in the other."""
    bits = max(map(len, columns), default=0).bit_length()
    place = np.empty(sum(map(len, columns)), dtype=np.int64)
    for k, column in enumerate(columns):
        place[column] = np.arange(k << bits, (k << bits) + len(column))
    starts, ends = place[links]
    ends = ends[np.lexsort((ends, starts))]
    count = 0
    # A radix sort of the ends, by one more bit at a time: a pair in disorder is set right at the first bit that tells it apart.
    for bit in reversed(range(bits)):
        group, low = ends >> bit + 1, ends >> bit & 1 == 0
        before = np.concatenate([[0], np.cumsum(~low)])
        count += int((before[:-1] - before[np.searchsorted(group, group)])[low].sum())
        ends = ends[np.argsort(ends >> bit, kind="stable")]
    return count


def _settle(columns: Columns, heights: list[float], before: Neighbours, after: Neighbours) -> list[float]:
    """The height of each place: near the median of its neighbours', as far as the order and the room between places allow."""
    y = [0.0] * len(heights)
    offsets = []
    for column in columns:
        offset = [0.0]
        for i, j in pairwise(column):
            room = BETWEEN_LINES if min(heights[i], heights[j]) == _LINE else BETWEEN_BOXES
            offset.append(offset[-1] + (heights[i] + heights[j]) / 2 + room)
        offsets.append(offset)
        for i, down in zip(column, offset, strict=True):
            y[i] = down - offset[-1] / 2
    before, after = _alike(before, heights), _alike(after, heights)
    both = [b if height == _LINE else b + a for b, a, height in zip(before, after, heights, strict=True)]
    weights = [[4.0 if heights[i] == _LINE else 1.0 for i in column] for column in columns]
    rounds = 5 if len(y) <= _READABLE else 2  # later ones mostly move all as one
    for neighbours, step in [(after, -1), (before, 1)] * rounds + [(both, -1), (both, 1)]:
        for column, offset, weight in list(zip(columns, offsets, weights, strict=True))[::step]:
            wishes = _medians([neighbours[i] or [i] for i in column], y)
            settled = _isotonic([w - down for w, down in zip(wishes, offset, strict=True)], weight)
            for i, start, down in zip(column, settled, offset, strict=True):
                y[i] = start + down
    return y


def _alike(neighbours: Neighbours, heights: list[float]) -> Neighbours:
    """The neighbours that a place is drawn to: boxes to boxes, lines to lines if there are any, so that both run straight."""
    line = [height == _LINE for height in heights]
    return [[j for j in row if line[j] == line[i]] or row for i, row in enumerate(neighbours)]


def _isotonic(wishes: list[float], weights: list[float]) -> list[float]:
    """The never falling sequence nearest to ``wishes`` in weighted squares, by pooling adjacent violators."""
    pools: list[tuple[float, float, int]] = []
    for mean, weight in zip(wishes, weights, strict=True):
        size = 1
        while pools and pools[-1][0] >= mean:
            other, other_weight, other_size = pools.pop()
            mean = (mean * weight + other * other_weight) / (weight + other_weight)
            weight += other_weight
            size += other_size
        pools.append((mean, weight, size))
    return [mean for mean, _, size in pools for _ in range(size)]


def _spread(
    edges: Sequence[tuple[int, int]], last: list[int], y: list[float], heights: list[float], between_ends: float
) -> tuple[list[float], list[float]]:
    """Where each edge leaves and arrives, so that lines that meet at a box lie side by side."""
    starts = [y[u] for u, _ in edges]
    parallel: dict[tuple[int, int], list[int]] = {}
    ends = [0.0] * len(edges)
    arriving: dict[int, list[int]] = {}
    for e, (u, v) in enumerate(edges):
        arriving.setdefault(v, []).append(e)
        parallel.setdefault((u, v), []).append(e)
    for v, arrivals in arriving.items():
        if len(arrivals) > _IN_ORDER:
            arrivals.sort(key=lambda e: y[last[e]])
        gap = min(between_ends, heights[v] / (len(arrivals) + 1))
        for k, e in enumerate(arrivals):
            ends[e] = y[v] + (k - (len(arrivals) - 1) / 2) * gap
    for (u, v), twins in parallel.items():
        gap = min(between_ends, heights[u] / (len(twins) + 1), heights[v] / (len(arriving[v]) + 1))
        for k, e in enumerate(twins):
            starts[e] += (k - (len(twins) - 1) / 2) * gap
    return starts, ends


def _without_needless(points: list[Point]) -> tuple[Point, ...]:
    """The points, to a tenth of a pixel, but for repeats and those on a straight run between two others."""
    kept: list[Point] = []
    for x, y in points:
        point = (round(x, 1), round(y, 1))
        if len(kept) > 1 and kept[-2][1] == kept[-1][1] == point[1]:
            kept[-1] = point
        elif not kept or kept[-1] != point:
            kept.append(point)
    for i in range(len(kept) - 2, -1, -1):  # rounded apart, two points may seem to run back
        kept[i] = (min(kept[i][0], kept[i + 1][0]), kept[i][1])
    return tuple(kept)
