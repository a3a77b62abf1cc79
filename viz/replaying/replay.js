// Makes a view of each replay in the page: the picture becomes live, its parts follow a slider. Without it, picture and text stay.
for (const host of document.querySelectorAll("[data-stepgrad-replay]:not([data-ready])")) {
  try {
    const run = JSON.parse(host.dataset.stepgradReplay);
    const bytes = (text, kind) => kind.from(atob(text), (c) => c.charCodeAt(0));
    const image = host.querySelector("img"), text = host.querySelector("details");
    const picture = new TextDecoder().decode(bytes(image.src.split(",")[1], Uint8Array));
    const strips = run.strips.map((strip) => bytes(strip, Int8Array));
    const last = run.told.length - 1, still = matchMedia("(prefers-reduced-motion: reduce)");
    const root = host.attachShadow({ mode: "open" });
    root.innerHTML = `<style>
      .all { background: #fff; color: #1f2933; max-width: 480px; padding-top: 8px; font: 13px system-ui, sans-serif; color-scheme: light }
      svg { max-width: 100%; height: auto; display: block }
      .row { display: flex; gap: 8px; padding: 0 12px } input { flex: 1; min-width: 0; accent-color: #0072b2 }
      button { font: inherit; min-width: 5em; padding: 4px 10px } p { margin: 6px 12px 0; min-height: 2.6em; font-variant-numeric: tabular-nums }
      </style><div class="all"><div class="row"><button type="button">Play</button>
      <input type="range" min="0" max="${last}" aria-label="moment of training"></div><p aria-live="polite"></p>${picture}</div><slot name="text"></slot>`;
    const [button, slider, said, mark] = ["button", "input", "p", "[data-mark]"].map((part) => root.querySelector(part));
    const bars = root.querySelectorAll("[data-strip]");
    let at = run.shown, timer = 0;
    const show = (frame) => {
      at = Math.max(0, Math.min(last, frame));
      slider.value = at;
      slider.setAttribute("aria-valuetext", run.told[at]);
      said.textContent = run.told[at];
      mark.setAttribute("transform", `translate(${run.marks[at]})`);
      bars.forEach((path, i) => {
        const n = strips[i].length / (last + 1), wide = run.wide / n;
        let d = "";
        for (let k = 0; k < n; k++) d += `M${((k + 0.5) * wide).toFixed(1)} 0v${((-strips[i][at * n + k] * run.high) / 127).toFixed(1)}`;
        path.setAttribute("d", d);
      });
    };
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      button.textContent = "Play";
      said.setAttribute("aria-live", "polite");
    };
    const play = () => {
      if (at >= run.shown) show(0);
      button.textContent = "Pause";
      said.setAttribute("aria-live", "off"); // a voice cannot keep up
      timer = setInterval(() => (at < last ? show(at + 1) : (stop(), show(last))), still.matches ? 1000 : 80);
    };
    button.onclick = () => (timer ? stop() : play());
    slider.oninput = () => (stop(), show(+slider.value));
    root.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
      if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      stop();
      show(to);
    });
    text.slot = "text";
    host.replaceChildren(image, text);
    host.dataset.lmSuppressShortcuts = "true"; // JupyterLab's, while the focus is in here
    host.dataset.ready = "";
    show(run.shown);
  } catch (error) {
    console.warn("stepgrad: this replay stays a picture.", error);
  }
}
