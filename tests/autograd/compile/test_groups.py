"""Groups: all nodes, each after those it needs, and in one group only what one call can do."""

import itertools

import numpy as np
import pytest

from autograd.compile.form import SUM
from autograd.compile.groups import grouped

from .drafts import Draft, random_form


def names(draft, form, **named):
    """For each group, the names of its nodes."""
    nodes, starts = grouped(form)
    of = {i: name for name, i in named.items()}
    return [{of[i] for i in nodes[a:b]} for a, b in itertools.pairwise(starts)]


@pytest.mark.parametrize("seed", range(5))
def test_each_node_is_in_one_group_after_those_it_needs(seed):
    form = random_form(np.random.default_rng(seed), 200, back=[None, 20][seed % 2])
    nodes, starts = grouped(form)
    assert sorted(nodes) == list(range(form.first_node, form.first_node + len(form)))
    group = np.full(form.first_node + len(form), -1)
    group[nodes] = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    for i in range(len(form)):
        for t in range(form.start[i], form.start[i + 1]):
            assert max(group[form.left[t]], group[form.right[t]] if form.right[t] >= 0 else -1) < group[form.first_node + i]
    for a, b in itertools.pairwise(starts):
        alike = [
            (form.row[i], form.level[form.first_node + i], form.batched[form.first_node + i])
            for i in nodes[a:b] - form.first_node
        ]
        assert len(set(alike)) == 1
        if form.row[nodes[a] - form.first_node] == SUM:
            assert len(set(np.diff(form.start)[nodes[a:b] - form.first_node])) == 1


def test_sums_are_told_apart_by_how_many_terms_of_how_many_factors_they_have():
    draft = Draft(0, 3)
    a, b, c = draft.parameters
    one, two = draft.sum((1.0, a, b)), draft.sum((2.0, b, c), offset=1.0)
    three, four = draft.sum((1.0, a), (1.0, b)), draft.sum((1.0, a), (1.0, b, c))
    assert names(draft, draft.form(one), one=one, two=two, three=three, four=four) in [
        [{"four"}, {"three"}, {"one", "two"}], [{"one", "two"}, {"three"}, {"four"}], [{"one", "two"}, {"four"}, {"three"}],
        [{"three"}, {"one", "two"}, {"four"}], [{"three"}, {"four"}, {"one", "two"}], [{"four"}, {"one", "two"}, {"three"}],
    ]  # fmt: skip


def test_sums_are_told_apart_by_what_of_them_differs_from_example_to_example():
    draft = Draft(2, 2)
    (x, y), (a, b) = draft.arguments, draft.parameters
    one, two, three, four = [draft.sum((1.0, left, right)) for left, right in ((x, y), (a, x), (y, b), (a, b))]
    assert sorted(map(sorted, names(draft, draft.form(one), one=one, two=two, three=three, four=four))) == [
        ["four"],
        ["one"],
        ["three", "two"],
    ]


def test_rows_are_told_apart_by_row_constants_and_what_differs():
    draft = Draft(1, 2, constants=[2.0, 3.0])
    (x,), (a, b) = draft.arguments, draft.parameters
    rows = {
        "ab": ("pow", a, b), "ba": ("pow", b, a), "a2": ("pow", a, 0), "b2": ("pow", b, 0), "a3": ("pow", a, 1),
        "xa": ("pow", x, a), "ax": ("pow", a, x), "max": ("maximum", a, b),
    }  # fmt: skip
    named = {name: draft.row(*row) for name, row in rows.items()}
    found = names(draft, draft.form(named["ab"]), **named)
    assert sorted(map(sorted, found)) == [["a2", "b2"], ["a3"], ["ab", "ba"], ["ax"], ["max"], ["xa"]]


def test_variadic_rows_are_told_apart_by_which_of_their_operands_differ():
    draft = Draft(2, 4, constants=[0.5])
    (x, y), (a, b, c, d) = draft.arguments, draft.parameters
    rows = {"xa": (x, a, b, c), "yd": (y, d, b, 0), "ax": (a, x, b, c), "ab": (a, b, c, d), "long": (x, a, b, c, d)}
    named = {name: draft.row("max_n", *xs) for name, xs in rows.items()}
    found = names(draft, draft.form(named["xa"]), **named)
    assert sorted(map(sorted, found)) == [["ab"], ["ax"], ["long"], ["xa", "yd"]]


def test_a_form_without_nodes_has_no_groups():
    nodes, starts = grouped(Draft(0, 1).form(0))
    assert (len(nodes), starts.tolist()) == (0, [0])


def test_keys_of_any_size_tell_nodes_apart():
    draft = Draft(0, 2, constants=np.arange(3000.0))
    a, z = draft.parameters
    for n in range(3000):  # levels, and the numbers of terms of each kind, each up to thousands
        z = draft.row("tanh", z) if n % 3 else draft.sum(*[(1.0, a)] * (n % 400), *[(1.0, a, z)] * (1 + n % 397))
    named = [draft.row("where", i, j, k) for i, j, k in np.random.default_rng(0).integers(0, 3000, (500, 3))]
    form = draft.form(z, *named)
    nodes, starts = grouped(form)
    assert (np.diff(form.level[nodes]) >= 0).all()
    assert len(starts) - 1 == 3000 + len({tuple(form.left[form.start[i - form.first_node] :][:3]) for i in named})
