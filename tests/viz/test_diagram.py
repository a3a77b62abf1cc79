"""The plain description of a graph: what is in it, what is left out, and what is refused."""

import pytest

from autograd import Value
from viz import describe, draw

HOSTILE = "<script>alert('1')</script>&lt;\"]]>\\{|}\n\x00\x1b[31m\u202e\u2066\ud800\uffff"


def test_boxes_come_in_order_with_operands_first():
    x, y = Value(2.0, label="x"), Value(3.0, label="y")
    z = x * y
    z.label = "z"
    z.backward()
    diagram = describe(z)
    assert [(box.label, box.symbol, box.data, box.grad, box.kind) for box in diagram.boxes] == [
        ("x", "", 2.0, 3.0, "leaf"),
        ("y", "", 3.0, 2.0, "leaf"),
        ("z", "*", 6.0, 1.0, "op"),
    ]
    assert [(arrow.source, arrow.target, arrow.position) for arrow in diagram.arrows] == [(0, 2, 0), (1, 2, 1)]


def test_a_value_used_twice_by_one_node_has_two_arrows():
    x = Value(3.0)
    assert [(arrow.source, arrow.target, arrow.position) for arrow in describe(x * x).arrows] == [(0, 1, 0), (0, 1, 1)]


def test_equal_values_are_different_boxes():
    assert len(describe(Value(1.0) + Value(1.0)).boxes) == 3


def test_a_plain_number_is_a_constant():
    assert [box.kind for box in describe(Value(3.0) * 2).boxes] == ["leaf", "constant", "op"]


def test_a_description_does_not_change_with_its_graph():
    x = Value(3.0)
    diagram = describe(x)
    x.data = 4.0
    assert diagram.boxes[0].data == 3.0


def test_hidden_nodes_take_what_only_leads_to_them_along():
    x, w, deep = Value(1.0, label="x"), Value(2.0, label="w"), Value(3.0, label="deep")
    inner = deep * 2
    y = x * w + inner
    diagram = describe(y, hide={w, inner}.__contains__)
    assert [box.label or box.symbol for box in diagram.boxes] == ["x", "*", "+"]
    assert diagram.boxes[1].arity == 2
    assert [(arrow.source, arrow.target, arrow.position) for arrow in diagram.arrows] == [(0, 1, 0), (1, 2, 0)]


def test_the_root_is_never_hidden():
    assert len(describe(Value(1.0) + 1, hide=lambda node: True).boxes) == 1


def test_hide_is_asked_once_of_each_node():
    asked = []
    x = Value(1.0)
    y = x * x
    describe(y * y, hide=lambda node: bool(asked.append(node)))
    assert len(asked) == 2


def test_a_label_is_one_short_printable_line():
    (box,) = describe(Value(1.0, label=HOSTILE)).boxes
    assert len(box.label) <= 32
    assert box.label.isprintable()
    (box,) = describe(Value(1.0, label="a" * 10_000)).boxes
    assert box.label == "a" * 31 + "…"
    (box,) = describe(Value(1.0, label="a\nb\u202ec\x00d\ud800")).boxes
    assert box.label == "a b\ufffdc\ufffdd\ufffd"


def test_emoji_are_left_whole():
    (box,) = describe(Value(1.0, label="👩‍🔬 ∂L/∂w")).boxes
    assert box.label == "👩‍🔬 ∂L/∂w"


def test_a_million_nodes_are_refused_in_words():
    x = Value(0.0)
    for _ in range(1_000_000):
        x = -x
    with pytest.raises(ValueError, match=r"1,000,001 nodes and the limit is 1,000; .*part.*hide=.*max_nodes="):
        describe(x)


def test_the_limit_counts_drawn_nodes_only():
    ws = [Value(1.0) for _ in range(10)]
    y = Value(1.0)
    for w in ws:
        y = y * w
    assert len(describe(y, hide=set(ws).__contains__, max_nodes=11).boxes) == 11
    with pytest.raises(ValueError, match="11 nodes and the limit is 10"):
        describe(y, hide=set(ws).__contains__, max_nodes=10)


@pytest.mark.parametrize("thing", [[Value(1.0)], 1.0, None])
def test_what_is_no_node_is_refused_by_name(thing):
    with pytest.raises(TypeError, match=f"draw takes a Value, a Tensor or a compiled step, not {type(thing).__name__}; "):
        draw(thing)
