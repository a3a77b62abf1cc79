"""A live view in a page, as its user sees it and works with it."""

from autograd import Value
from viz.diagram import number
from viz.moments import moment
from viz.widget import View

# What is seen, and hands that are quicker than a mouse, for tests of very many steps. Of all, only the DOM is used.
IN_PAGE = """
const seen = host => {
  const parts = [...host.shadowRoot.querySelector(".stage svg").children].filter(part => part.tagName == "g");
  const groups = parts.filter(part => part.querySelector("title")), lines = parts.filter(part => !groups.includes(part));
  const texts = name => groups.map(group => {
    const columns = [...group.querySelectorAll("text")].map(text => text.textContent), at = columns.lastIndexOf(name);
    return at < 0 ? null : columns[at + 1];
  });
  const places = (list, holds) => [...list].flatMap((part, i) => holds(part) ? [i] : []);
  const outlined = (name, value) => group =>
    [...group.querySelectorAll("rect[stroke]")].every(rect => rect.getAttribute(name) == value);
  return {
    words: host.shadowRoot.querySelector(".words").textContent,
    data: texts("data"),
    grads: texts("grad"),
    labels: lines.length > 1 ? [...lines[1].children].map(text => text.textContent) : [],
    strong: places(groups, outlined("stroke-width", "3.5")),
    pale: places(groups, outlined("stroke-dasharray", "1 4")),
    strongArrows: places(lines[0].children, path => path.getAttribute("stroke-width") == "2.6"),
  };
};
const put = (input, value, event) => { input.value = value; input.dispatchEvent(new Event(event)); };
const stand = (host, step) => put(host.shadowRoot.querySelector(".track input"), step, "input");
const all = host => {
  const last = +host.shadowRoot.querySelector(".track input").max;
  return Array.from({ length: last }, (_, i) => { stand(host, i + 1); return seen(host); });
};
const edit = (host, key, value) => {
  put(host.shadowRoot.querySelector("select"), key, "change");
  put(host.shadowRoot.querySelector("input[type=number]"), value, "input");
};
const hosts = [...document.querySelectorAll("[data-stepgrad]")];
"""


def in_page(page, expression, argument=None):
    """The value of an expression of ``hosts`` and ``argument``, and of the names above."""
    return page.evaluate(f"argument => {{{IN_PAGE} return {expression}}}", argument)


def show(page, *steppers, hidden=False):
    """A page with a live view of each; ``hidden`` it needs no layout, and is much quicker in tests of all that it says."""
    views = "".join([View(stepper.walk, stepper.hits).fragment() for stepper in steppers])
    page.set_content(f"<!DOCTYPE html><html lang=en><title>steps</title><main {'hidden' * hidden}>{views}</main></html>")


def expected(stepper):
    """What Python says is to be seen at each step."""
    walk, shown = stepper.walk, [moment(stepper.walk, step.number) for step in stepper.walk.steps]
    return [
        {
            "words": sentence,
            "data": [marks.data.get(box.key) or number(box.data) for box in walk.diagram.boxes],
            "grads": [marks.grads.get(box.key) for box in walk.diagram.boxes],
            "labels": [marks.labels.get(arrow, "") for arrow in range(len(walk.diagram.arrows))],
            "strong": sorted(marks.strong),
            "pale": sorted(marks.pale - marks.strong),
            "strongArrows": sorted(marks.strong_arrows),
        }
        for sentence, marks in zip(stepper.sentences, shown, strict=True)
    ]


def differences(seen, wanted):
    """Where what is seen at each step is not what Python says, in words; at most the first three."""
    different = [
        f"step {i + 1}, {name}: seen {ours[name]!r}, wanted {theirs[name]!r}"
        for i, (ours, theirs) in enumerate(zip(seen, wanted, strict=True))
        for name in theirs
        if ours[name] != theirs[name]
    ]
    return different[:3]


def neuron(x1=2.0, x2=0.0, w1=-3.0, w2=1.0, b=6.8813735870195432):
    """Karpathy's neuron with two inputs: five leaves, five ops."""
    names = {"x1": x1, "x2": x2, "w1": w1, "w2": w2, "b": b}
    leaf = {name: Value(x, label=name) for name, x in names.items()}
    o = (leaf["x1"] * leaf["w1"] + leaf["x2"] * leaf["w2"] + leaf["b"]).tanh()
    o.label = "o"
    return o
