"""The layout, as properties of any graph."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from viz.layout import _crossings, arrange

sizes = st.tuples(st.floats(5, 200), st.floats(5, 80))


@st.composite
def graphs(draw):
    boxes = draw(st.lists(sizes, min_size=1, max_size=25))
    n = len(boxes)
    pairs = (
        st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda pair: pair[0] != pair[1]).map(sorted).map(tuple)
    )
    return boxes, draw(st.lists(pairs, max_size=60)) if n > 1 else []


def curve(points):
    """Points along a line, as it is drawn."""
    for (x, y), (u, v) in pairwise(points):
        for t in (k / 16 for k in range(17)):
            a, b, c, d = (1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t * t, t**3
            yield a * x + (b + c) * (x + u) / 2 + d * u, (a + b) * y + (c + d) * v


@given(graphs())
def test_no_two_boxes_overlap(graph):
    boxes, edges = graph
    centres = arrange(boxes, edges).centres
    for i, j in combinations(range(len(boxes)), 2):
        apart = [abs(centres[i][k] - centres[j][k]) - (boxes[i][k] + boxes[j][k]) / 2 for k in (0, 1)]
        assert max(apart) > 8


@settings(max_examples=50)
@given(graphs())
def test_no_line_passes_through_a_box(graph):
    boxes, edges = graph
    layout = arrange(boxes, edges)
    for line in layout.lines:
        for x, y in curve(line):
            for (u, v), (w, h) in zip(layout.centres, boxes, strict=True):
                assert abs(x - u) > w / 2 - 0.2 or abs(y - v) > h / 2 - 0.2


# Two ends that are rounded apart.
@example(([(5.0, 5.0)] * 3 + [(190.0, 5.0), (5.0, 67.5), (5.0, 5.0), (5.0, 5.0), (5.999999999999972, 10.0)], [(0, 4), (0, 7)]))
@given(graphs())
def test_lines_run_to_the_right_from_source_to_target(graph):
    boxes, edges = graph
    layout = arrange(boxes, edges)
    for (u, v), line in zip(edges, layout.lines, strict=True):
        assert all(x <= after for (x, _), (after, _) in pairwise(line))
        for box, (x, y), side in ((u, line[0], 1), (v, line[-1], -1)):
            assert x == pytest.approx(layout.centres[box][0] + side * boxes[box][0] / 2, abs=0.06)
            assert abs(y - layout.centres[box][1]) <= boxes[box][1] / 2 + 0.06


@given(graphs())
def test_all_lies_within_the_drawing(graph):
    boxes, edges = graph
    layout = arrange(boxes, edges)
    for (x, y), (w, h) in zip(layout.centres, boxes, strict=True):
        assert w / 2 <= x <= layout.width - w / 2
        assert h / 2 <= y <= layout.height - h / 2
    for line in layout.lines:
        assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in line)


@given(graphs())
def test_the_same_graph_is_laid_out_the_same(graph):
    assert arrange(*graph) == arrange(*graph)


@given(graphs())
def test_equal_edges_are_drawn_apart(graph):
    boxes, edges = graph
    lines = arrange(boxes, edges).lines
    assert len(set(lines)) == len(lines)


def test_a_tree_has_no_crossings_and_a_chain_is_straight():
    layout = arrange([(40, 20)] * 7, [(0, 2), (1, 2), (3, 5), (4, 5), (2, 6), (5, 6)])
    assert [layout.centres[i][1] for i in (0, 1, 3, 4)] == sorted(layout.centres[i][1] for i in (0, 1, 3, 4))
    chain = arrange([(40, 20)] * 50, list(pairwise(range(50))))
    assert len({y for _, y in chain.centres}) == 1


def test_a_leaf_stands_next_to_its_only_use():
    layout = arrange([(40, 20)] * 5, [(0, 1), (1, 2), (2, 4), (3, 4)])
    assert layout.centres[3][0] == layout.centres[2][0]


def test_edges_that_lead_backwards_are_refused():
    with pytest.raises(ValueError, match="topological order"):
        arrange([(1, 1)] * 2, [(1, 0)])


def test_nothing_is_laid_out_as_nothing():
    assert arrange([], []).lines == ()


def test_depth_costs_no_recursion():
    n = 1_500
    arrange([(90, 56)] * n, [(0, 1), *[edge for i in range(2, n) for edge in ((i - 1, i), (0, i))]])


def test_operands_of_a_small_op_arrive_in_their_order_even_if_their_lines_cross():
    edges = [(0, 2), (1, 2), (1, 3), (0, 3), (2, 4), (3, 4)]  # (a - b) + (b - a): one of the two must cross
    ends = [line[-1][1] for line in arrange([(40, 40)] * 5, edges).lines]
    assert ends[0] < ends[1]
    assert ends[2] < ends[3]


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 5)), min_size=1, unique=True), st.permutations(range(9)))
def test_crossings_are_the_pairs_of_links_that_start_in_one_order_and_end_in_the_other(pairs, column):
    places = [column, list(range(9, 15)), list(range(15, 20))]
    links = [(u, 9 + v) for u, v in pairs] + [(9 + v, 15 + u % 5) for u, v in pairs]
    height = {i: k for column in places for k, i in enumerate(column)}
    crossing = [
        (height[a] - height[c]) * (height[b] - height[d]) < 0
        for (a, b), (c, d) in combinations(dict.fromkeys(links), 2)
        if (a < 9) == (c < 9)
    ]
    assert _crossings(places, np.array(list(dict.fromkeys(links))).T) == sum(crossing)
