"""A backward pass as a learner writes it, with derivatives of its own, and with one slip on demand."""

from autograd import Value, topological_order

LOCAL = {
    "add": lambda y, a, b: (1.0, 1.0),
    "sub": lambda y, a, b: (1.0, -1.0),
    "mul": lambda y, a, b: (b, a),
    "tanh": lambda y, a: (1 - y**2,),
    "exp": lambda y, a: (y,),
}


def neuron():
    """``h`` is used three times; the slips are made at it."""
    x, w, b = Value(2.0, label="x"), Value(-0.5, label="w"), Value(0.25, label="b")
    h = (x * w + b).tanh()
    h.label = "h"
    loss = h * h + x * h
    loss.label = "loss"
    return loss


def backward(root, slip="", old=None):
    """The gradients, and the events: each node and its gradient after it was given something."""
    order = topological_order(root)[::-1]
    if slip == "order":  # h after the first of its users
        (h,) = by_label(root, "h")
        order.remove(h)
        order.insert(2, h)
    grads = dict.fromkeys(order, 0.0) | (old or {})
    grads[root] = 1.0
    events = [(root, 1.0)]
    for node in order:
        if node.op is None:
            continue
        tanh = node.op.name == "tanh"
        locals_ = LOCAL[node.op.name](node.data, *[x.data for x in node.inputs])
        for x, local in zip(node.inputs, locals_, strict=True):
            if slip == "detached" and x.label == "h" and node.inputs[0].label == "x":
                continue
            amount = grads[node] * (1.0 if tanh and slip == "local" else local)
            amount *= -1.0 if tanh and slip == "sign" else 2.0 if tanh and slip == "twice" else 1.0
            grads[x] = amount if slip == "=" else grads[x] + amount
            events.append((x, grads[x]))
    return grads, events


def by_label(root, label):
    return [node for node in topological_order(root) if node.label == label]


def random_graph(rng, size=25):
    """A graph of the ops above in which nodes are used any number of times."""
    nodes = [Value(float(rng.normal()), label=f"x{i}") for i in range(4)]
    for _ in range(size):
        a, b = (nodes[int(i)] for i in rng.integers(0, len(nodes), 2))
        match rng.integers(0, 5):
            case 0:
                nodes.append(a + b)
            case 1:
                nodes.append(a - b)
            case 2:
                nodes.append((a * b).tanh())
            case 3:
                nodes.append(a * 0.5)
            case _:
                nodes.append(a.tanh().exp())
    unused = {node for node in nodes if node.inputs} - {x for node in nodes for x in node.inputs}
    root = nodes[0]
    for node in nodes:
        if node in unused:
            root = root + node
    return root
