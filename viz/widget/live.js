// Makes a live view of the picture and the text of a walk, which stand in the page already. Nothing is loaded, and if anything
// fails, the picture and the text stay. What is sent is live.min.js, made of this by: npx terser@5.51.4 live.js -c passes=3 -m
//
// id ...... marks the places of this walk in the page
// style ... live.css
// WALK .... what __init__.py tells of the walk: nodes are known by their keys, arrows and steps by their places in lists
const live = (id, style, WALK) => {
const NOT_YET = "not yet";
const WORK = "#9a3c00", OUTLINE = ["stroke", "stroke-width", "stroke-dasharray"]; // as in svg.py
const AT_WORK = [WORK, 3.5, "none"], PALE = ["#64748b", 1.2, "1 4"];

// A number in four significant digits as Python's "z.4g" writes it: to nearest, ties to even.
function written(x) {
  if (!isFinite(x)) return x != x ? "nan" : x > 0 ? "inf" : "-inf";
  if (x == 0) return "0";
  let [digits, power] = Math.abs(x).toExponential(3).split("e"), exact = Math.abs(x).toExponential(60);
  if (/^.{5}50*e/.test(exact) && +exact[4] % 2 == 0) [digits, power] = [exact.slice(0, 5), exact.split("e")[1]];
  const sign = x < 0 ? "-" : "", plain = +power >= -4 && +power < 4;
  if (plain) digits = (+(digits + "e" + power)).toFixed(3 - power);
  digits = digits.replace(/\.?0+$/, m => m[0] == "." || digits.includes(".") ? "" : m);
  return sign + digits + (plain ? "" : "e" + power[0] + power.slice(1).padStart(2, "0"));
}

// Both passes again, for the numbers that the leaves have now: `data` of each node, and for each step back what it gives.
function compute(values, seed, start) {
  const { ops, skips, edges, steps, forward } = WALK, data = [], grads = [...start], arrowsTo = values.map(() => []);
  edges.forEach(([, target], arrow) => arrowsTo[target].push(arrow));
  const operands = key => arrowsTo[key].map(arrow => data[edges[arrow][0]]);
  values.forEach((value, key) => data[key] = value.map ? ops[value[0]][0](operands(key)) : +value);
  grads[steps[forward][0]] += seed;
  const given = steps.slice(forward + 1).map(([key, ...arrows]) => {
    const [op] = values[key], partials = ops[op][1](data[key], operands(key)), partial = arrow => partials[arrow - arrowsTo[key][0]];
    if (skips.includes(op)) arrows = arrowsTo[key].filter(arrow => partial(arrow) !== 0 && typeof values[edges[arrow][0]] != "string");
    return arrows.map(arrow => {
      const x = edges[arrow][0], before = grads[x], local = partial(arrow);
      return { arrow, before, upstream: grads[key], local, after: grads[x] += grads[key] * local };
    });
  });
  return { data, grads, given };
}

// A step of a run in words, as transcript.py has it.
function sentence(i, run) {
  const { names, steps, forward, edges, values, forms } = WALK, key = steps[i][0], name = names[key];
  if (i == forward) return `${name}.grad ${WALK.start[key] === 0 ? "=" : "+="} ${written(WALK.seed)}`;
  const form = forms[values[key][0]], inputs = edges.filter(edge => edge[1] == key).map(edge => edge[0]);
  const call = ([x, ...xs]) => {
    if (form.endsWith("(")) return form + [x, ...(xs.length > 5 ? [...xs.slice(0, 3), "…", xs.at(-1)] : xs)].join(", ") + ")";
    const first = x[0] == "-" && (!xs.length || form == " ** ") ? `(${x})` : x;
    return xs.length ? [first, ...xs].join(form) : form + first;
  };
  const formula = `${name} = ${call(inputs.map(x => names[x]))}`;
  if (i < forward) return [...new Set([formula, call(inputs.map(x => written(run.data[x]))), written(run.data[key])])].join(" = ");
  return run.given[i - forward - 1].map(({ arrow, before, upstream, local, after }) => {
    const x = names[edges[arrow][0]], [a, b, c, d] = [before, upstream, local, after].map(written);
    const slope = WALK.slopes[arrow];
    return `${x}.grad += ${name}.grad × ∂${name}/∂${x} = ${a} + ${b} × ${c} = ${d}` + (slope ? `; ∂${name}/∂${x} = ${slope}` : "");
  }).join("\n") || `${formula}: no operand takes a gradient`;
}

// All that is shown of a run, as Python tells it.
function inWords(run) {
  return {
    data: run.data.map(written),
    seed: written(WALK.start[WALK.steps[WALK.forward][0]] + WALK.seed),
    given: run.given.map(row => row.map(({ arrow, local, after }) => ({ arrow, label: "×" + written(local), grad: written(after) }))),
    sentence: i => sentence(i, run),
  };
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const name in attributes) name in made ? made[name] = attributes[name] : made.setAttribute(name, attributes[name]);
  made.append(...children);
  return made;
}

function set(part, attributes) {
  for (const name in attributes) part.setAttribute(name, attributes[name]);
}

function say(part, text) {
  if (part.textContent != text) part.textContent = text; // what is not touched need not be drawn again
}

// Makes room for numbers that are wider than those the boxes were drawn for.
function squeeze(boxes) {
  const texts = boxes.flatMap(({ data, grad }) => grad ? [data, grad] : [data]), edges = part => part.getBoundingClientRect();
  texts.forEach(text => text.removeAttribute("textLength"));
  texts.filter(text => edges(text).left < edges(text.previousSibling).right).forEach(text => {
    const box = text.parentNode.querySelector("rect");
    set(text, { textLength: box.getAttribute("width") - 54, lengthAdjust: "spacingAndGlyphs" });
  });
}

function button(name, path, act) {
  const made = element("button", { type: "button", title: name, ariaLabel: name, onclick: act });
  made.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/></svg>`;
  return made;
}

function bringToLife(host) {
  const { edges, steps, forward, values, breaks } = WALK, last = steps.length - 1;
  const sentences = [...host.querySelectorAll("li")].map(item => item.textContent);
  const bytes = Uint8Array.from(atob(host.querySelector("img").src.split(",")[1]), c => c.charCodeAt(0));
  const picture = new DOMParser().parseFromString(new TextDecoder().decode(bytes), "image/svg+xml").documentElement;
  const groups = [...picture.children].filter(part => part.tagName == "g"), arrows = [...groups.shift().children];
  const labels = edges.length ? [...groups.shift().children] : [];
  const boxes = groups.map(group => {
    const [data, grad] = group.querySelectorAll("text[text-anchor=end]"), outlines = [...group.querySelectorAll("rect[stroke]")];
    const look = OUTLINE.map(name => outlines[0].getAttribute(name) ?? "none");
    return { group, outlines, look, data, grad, name: group.querySelector("title").textContent };
  });
  const computedAt = [], root = steps[forward][0];
  steps.slice(0, forward).forEach(([key], i) => computedAt[key] = i);

  // What is shown: told by Python, or computed here while a leaf is edited.
  const told = {
    data: boxes.map(box => box.data.textContent),
    seed: WALK.told[0][0],
    given: steps.slice(forward + 1).map(([, ...arrows], i) =>
      arrows.map((arrow, c) => ({ arrow, label: labels[arrow].textContent, grad: WALK.told[i + 1][c] }))),
    sentence: i => sentences[i],
  };
  let shown = told, at = WALK.at, playing;
  const go = step => { at = Math.max(0, Math.min(last, step)); show(); return at; };
  const given = i => i > forward ? shown.given[i - forward - 1] : [];
  const touches = (i, key) => steps[i][0] == key || given(i).some(({ arrow }) => edges[arrow][0] == key);
  const jump = key => {
    for (let i = 1; i <= steps.length; i++) if (touches((at + i) % steps.length, key)) return go((at + i) % steps.length);
  };
  const next = () => go(breaks.find(step => step > at) ?? last), previous = () => go(breaks.findLast(step => step < at) ?? 0);
  const play = () => {
    if (playing) playing = clearInterval(playing);
    else {
      if (at == last) go(0);
      playing = setInterval(() => go(at + 1) == last || breaks.includes(at) ? play() : 0, 900);
    }
    show();
  };

  const slider = element("input", { type: "range", min: 1, max: last + 1, ariaLabel: "step", oninput: () => go(slider.value - 1) });
  const marks = element("div", { className: "marks", ariaHidden: "true" }, ...breaks.map(step => {
    const mark = element("i");
    mark.style.left = last ? `calc(8px + (100% - 16px) * ${step / last})` : "8px";
    return mark;
  }));
  const place = element("div", { className: "place" }), words = element("pre", { ariaLive: "polite", className: "words" });
  const playButton = button("play or pause (space)", "M4 2l9 6-9 6z", play);
  const bar = element("div", { className: "bar" },
    button("first step (home)", "M3 2v12M13 2L5 8l8 6z", () => go(0)),
    ...(breaks.length ? [button("back to the breakpoint before", "M8 2L2 8l6 6zM14 2L8 8l6 6z", previous)] : []),
    button("one step back (left arrow)", "M11 2L4 8l7 6z", () => go(at - 1)), playButton,
    button("one step on (right arrow)", "M5 2l7 6-7 6z", () => go(at + 1)),
    ...(breaks.length ? [button("on to the next breakpoint", "M2 2l6 6-6 6zM8 2l6 6-6 6z", next)] : []),
    button("last step (end)", "M13 2v12M3 2l8 6-8 6z", () => go(last)),
    element("div", { className: "track" }, slider, marks));
  const stage = element("div", { className: "stage", tabIndex: 0, role: "group", ariaLabel: "the graph" }, picture);
  const view = element("div", { className: "view", role: "group", ariaLabel: host.querySelector("img").alt }, bar, place, words, stage);

  function editor() {
    const leaves = values.flatMap((value, key) => typeof value == "number" ? [key] : []);
    const chosen = element("select", { ariaLabel: "leaf", onchange: () => choose(+chosen.value) },
      ...leaves.map(key => element("option", { value: key }, WALK.names[key])));
    const number = element("input", { type: "number", step: "any", ariaLabel: "its value", oninput: () => write(number.value) });
    const drag = element("input", { type: "range", step: "any", ariaLabel: "its value, to drag", oninput: () => write(drag.value) });
    const reset = element("button", { type: "button", onclick: () => { now = [...values]; choose(+chosen.value); } }, "reset");
    const books = element("output"), truth = compute(values, 1, values.map(() => 0));
    let now = [...values];
    function choose(key) {
      const reach = Math.max(1, 2 * Math.abs(values[key]));
      chosen.value = key;
      Object.assign(drag, { min: values[key] - reach, max: values[key] + reach, value: now[key] });
      number.value = now[key];
      change();
    }
    function write(text) {
      if (text.trim() == "" || !isFinite(text)) return;
      now[+chosen.value] = +text;
      number.value == text || (number.value = text);
      drag.value = text;
      change();
    }
    function change() {
      const run = compute(now, WALK.seed, WALK.start), edited = leaves.filter(leaf => !Object.is(now[leaf], values[leaf]));
      shown = edited.length ? inWords(run) : told;
      books.textContent = edited.length ? compared(run) : "";
      show();
    }
    // How far the result went, and how far its gradient says that it would.
    function compared(run) {
      const key = +chosen.value, [name, x] = [root, key].map(k => WALK.names[k]), moved = leaf => now[leaf] - values[leaf];
      const rise = run.data[root] - truth.data[root], by = leaves.reduce((sum, leaf) => sum + truth.grads[leaf] * moved(leaf), 0);
      const alone = leaves.every(leaf => leaf == key || !moved(leaf));
      return `Δ${name} = ${written(rise)}, ${alone ? "" : "Σ "}grad·Δ${alone ? x : ""} = ${written(by)}`
        + (alone ? `; Δ${name}/Δ${x} = ${written(rise / moved(key))}, ∂${name}/∂${x} = ${written(truth.grads[key])}` : "");
    }
    boxes.forEach((box, key) => leaves.includes(key) && box.group.addEventListener("click", () => choose(key)));
    view.append(element("div", { className: "edit" }, "change ", chosen, number, drag, reset, books));
    choose(leaves[0]);
  }

  function show() {
    const grads = WALK.start.map(g => g === 0 ? NOT_YET : g.at ? g : written(g)), key = steps[at][0], back = at >= forward;
    if (back) grads[root] = shown.seed;
    const carried = labels.map(() => "");
    shown.given.slice(0, Math.max(0, at - forward)).flat().forEach(({ arrow, label, grad }) => {
      carried[arrow] = label;
      grads[edges[arrow][0]] = grad;
    });
    labels.forEach((text, arrow) => say(text, carried[arrow]));
    const working = back ? given(at).map(({ arrow }) => arrow) : edges.flatMap((edge, arrow) => edge[1] == key ? [arrow] : []);
    boxes.forEach((box, k) => {
      const data = (computedAt[k] ?? -1) > at ? NOT_YET : shown.data[k], grad = box.grad ? grads[k] : "";
      say(box.data, data);
      if (box.grad) say(box.grad, grad);
      const look = k == key ? AT_WORK : (back ? grad : data) == NOT_YET ? PALE : box.look;
      box.outlines.forEach(outline => OUTLINE.forEach((name, i) => outline.setAttribute(name, look[i])));
      box.group.ariaLabel = `${box.name}; data ${data}` + (box.grad ? `, grad ${grad}` : "");
    });
    arrows.forEach((path, arrow) => {
      const strong = working.includes(arrow);
      strong ? set(path, { stroke: WORK, "stroke-width": 2.6 }) : ["stroke", "stroke-width"].forEach(n => path.removeAttribute(n));
    });
    words.textContent = shown.sentence(at);
    place.textContent = `${at + 1} of ${last + 1}, ${back ? "backward" : "forward"}` + (breaks.includes(at) ? ", breakpoint" : "");
    slider.value = at + 1;
    slider.setAttribute("aria-valuetext", place.textContent);
    playButton.firstChild.firstChild.setAttribute("d", playing ? "M4 2v12M12 2v12" : "M4 2l9 6-9 6z");
    squeeze(boxes);
    const box = boxes[key].group.getBoundingClientRect(), room = stage.getBoundingClientRect();
    if (box.left < room.left || box.right > room.right || box.top < room.top || box.bottom > room.bottom) {
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      const middle = ({ left, right, top, bottom }) => [(left + right) / 2, (top + bottom) / 2], [x, y] = middle(box), [u, v] = middle(room);
      stage.scrollBy({ left: x - u, top: y - v, behavior: calm ? "auto" : "smooth" });
    }
    view.classList.toggle("dark", isDark());
  }

  picture.setAttribute("role", "group");
  picture.querySelector("rect").remove(); // its ground: the view has its own
  picture.style.minWidth = `${picture.getAttribute("width") * 0.85}px`; // smaller it can't be read, and scrolls
  boxes.forEach((box, key) => {
    if (!box.grad) return set(box.group, { role: "img" }); // a constant, with which no step has to do
    set(box.group, { role: "button", tabindex: 0 });
    box.group.addEventListener("click", () => jump(key));
  });
  view.addEventListener("keydown", event => {
    const tag = event.composedPath()[0], typing = tag.matches("select,input") && tag != slider;
    const act = { ArrowLeft: () => go(at - 1), ArrowRight: () => go(at + 1), Home: () => go(0), End: () => go(last), " ": play }[event.key];
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || typing) return;
    const box = tag.closest("[role=button]");
    if (box && (event.key == "Enter" || event.key == " ")) box.dispatchEvent(new MouseEvent("click"));
    else if (!act || (event.key == " " && tag.matches("button"))) return;
    else act();
    event.preventDefault();
    event.stopPropagation();
  });
  const shadow = host.attachShadow({ mode: "open" });
  shadow.append(element("style", {}, style), view, element("slot", { name: "words" }));
  host.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab's keys, which it looks for on the focused host alone
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  values ? editor() : show();
}

function isDark() {
  const { body, documentElement: page } = document, light = body.dataset.jpThemeLight;
  const names = `${body.className} ${page.className} ${page.getAttribute("theme")}`;
  if (light) return light == "false";
  if (/\b(vscode-light|light)\b/.test(names)) return false;
  return /\b(vscode-dark|vscode-high-contrast|dark)\b/.test(names) || matchMedia("(prefers-color-scheme: dark)").matches;
}

for (const host of document.querySelectorAll(`[data-stepgrad="${id}"]:not([data-ready])`)) {
  host.setAttribute("data-ready", "");
  try { bringToLife(host); } catch (error) { console.warn("stepgrad: the picture stays as it is:", error); }
}
};
