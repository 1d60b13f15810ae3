// The scrubber. This one file serves both the live widget (viewer.py adds an adapter for anywidget) and the page
// that has no kernel (viewer.py inlines it in the output's HTML). It must not contain a closing script tag.

const STYLE = `
.inkdrop { margin: 8px 0; padding: 0 3px; max-width: 760px; font: 14px/1.45 var(--jp-ui-font-family, system-ui, sans-serif);
  color: var(--jp-ui-font-color1, inherit); --line: var(--jp-border-color1, #bdbdbd); --ink: var(--jp-brand-color1, #1976d2); }
.inkdrop * { box-sizing: border-box; }
.inkdrop .title { font-weight: 600; margin-bottom: 8px; }
.inkdrop .stage { display: flex; flex-wrap: wrap; gap: 12px 24px; align-items: flex-start; }
.inkdrop .panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 130px), 1fr));
  gap: 12px 24px; max-width: 100%; }
.inkdrop canvas { display: block; margin: 0 auto; max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 4px;
  background: #fff; }
.inkdrop canvas.crisp { image-rendering: pixelated; }
.inkdrop .name { font-size: 13px; text-align: center; margin-top: 4px; }
.inkdrop .bars { display: grid; grid-template-columns: auto minmax(60px, 1fr) auto; gap: 8px 10px; flex: 1 1 190px;
  max-width: 320px; align-items: center; font-size: 13px; }
.inkdrop .bars .heading { grid-column: 1 / -1; font-weight: 600; }
.inkdrop .track { height: 12px; border: 1px solid var(--line); border-radius: 3px; overflow: hidden; }
.inkdrop .fill { height: 100%; background: var(--ink); forced-color-adjust: none; }
.inkdrop .number, .inkdrop output { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
.inkdrop .controls { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; margin-top: 12px; }
.inkdrop button { width: 36px; height: 36px; padding: 9px; border: 1px solid var(--line); border-radius: 50%;
  background: transparent; color: inherit; cursor: pointer; }
.inkdrop button:hover { border-color: currentColor; }
.inkdrop button svg { display: block; width: 16px; height: 16px; fill: currentColor; }
.inkdrop input { flex: 1 1 160px; min-width: 0; height: 28px; margin: 0; accent-color: var(--ink); cursor: pointer; }
.inkdrop button:focus-visible, .inkdrop input:focus-visible { outline: 2px solid var(--ink); outline-offset: 2px; }
.inkdrop output, .inkdrop .words, .inkdrop .number { display: grid; }
.inkdrop :is(output, .words, .number) > * { grid-area: 1 / 1; }
.inkdrop .longest { visibility: hidden; }
.inkdrop .words { margin-top: 6px; font-size: 15px; }
.inkdrop figcaption { margin-top: 8px; padding-top: 8px; border-top: 1px solid var(--line); font-size: 13px; }
`;
const PLAY = "M3 1l12 7-12 7z";
const PAUSE = "M2 1h4v14H2zM10 1h4v14h-4z";

function make(parent, tag, className, text) {
  const node = parent.appendChild(document.createElement(tag));
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

// An element whose text changes without anything around it moving: the longest text, unseen, holds the room.
function steady(parent, tag, className, texts) {
  const node = make(parent, tag, className);
  const shown = make(node, "span");
  const longest = make(node, "span", "longest", texts.reduce((a, b) => (b.length > a.length ? b : a), ""));
  longest.ariaHidden = "true";
  return [node, shown];
}

async function loadSheet(panel) {
  const image = new Image();
  image.src = "data:image/webp;base64," + panel.sheet;
  await image.decode();
  return createImageBitmap(image);
}

// Frames lie side by side as tiles, or interleaved: every pixel column of the picture is a block in which x is the
// frame. Neighbouring frames are alike, so the second way makes a lossless sheet several times smaller.
function drawFrame(context, sheet, panel, frame, frames) {
  const { width, height, columns, tile } = panel;
  if (tile) {
    const [x, y] = [(frame % columns) * tile[0], Math.floor(frame / columns) * tile[1]];
    context.drawImage(sheet, x, y, width, height, 0, 0, width, height);
    return;
  }
  for (let x = 0; x < width; x++) {
    const [left, top] = [(x % columns) * frames + frame, Math.floor(x / columns) * height];
    context.drawImage(sheet, left, top, 1, height, x, 0, 1, height);
  }
}

// Fills the figure `el` with a scrubber over `data`. `link` ties the level to Python where there is one:
// {get(), set(level), onChange(callback)}. Returns a function that stops everything.
async function mount(el, data, link) {
  el.classList.add("inkdrop"); // at once: the next script must not mount it again
  const frames = data.values.length;
  const sheets = await Promise.all(data.panels.map(loadSheet));
  const top = data.values.reduce((a, b) => Math.max(a, b));
  const percent = (permille) => `${Math.round(permille / 10)} %`;

  el.replaceChildren();
  el.setAttribute("aria-label", data.alt);
  make(el, "style", "", STYLE);
  if (data.title) make(el, "div", "title", data.title);
  const stage = make(el, "div", "stage");
  const panels = make(stage, "div", "panels");
  panels.style.width = `${data.panels.reduce((sum, panel) => sum + panel.width * panel.scale + 26, -24)}px`;
  const canvases = data.panels.map((panel) => {
    const box = make(panels, "div");
    const canvas = make(box, "canvas", panel.tile ? "" : "crisp");
    Object.assign(canvas, { width: panel.width, height: panel.height, role: "img" });
    canvas.style.width = `${panel.width * panel.scale + 2}px`;
    if (panel.name) make(box, "div", "name", panel.name);
    return canvas;
  });
  const bars = data.bars ? make(stage, "div", "bars") : null;
  if (bars && data.bars.title) make(bars, "div", "heading", data.bars.title);
  const rows = (data.bars?.names ?? []).map((name) => {
    make(bars, "div", "", name);
    const fill = make(make(bars, "div", "track"), "div", "fill");
    return [fill, ...steady(bars, "div", "number", ["100 %"]).slice(1)];
  });
  const controls = make(el, "div", "controls");
  const button = make(controls, "button");
  button.type = "button";
  button.innerHTML = '<svg viewBox="0 0 16 16" aria-hidden="true"><path/></svg>';
  const slider = make(controls, "input");
  Object.assign(slider, { type: "range", min: 0, max: frames - 1, step: 1, ariaLabel: data.label });
  // Without this JupyterLab takes the arrow keys, and Enter, for itself.
  for (const control of [button, slider]) control.setAttribute("data-lm-suppress-shortcuts", "true");
  const readouts = data.values.map((value) => `${data.label} ${value} / ${top}`);
  const [, readout] = steady(controls, "output", "", readouts);
  const [words, said] = steady(el, "div", "words", data.captions ?? []);
  words.hidden = !data.captions;
  make(el, "figcaption", "", data.caption);

  let level = -1;
  let playing = null; // or {from, since}: the frame and the time at which playing began
  let request = 0;

  // A screen reader hears the caption once: from the slider when that has the focus, never while playing.
  function hush() {
    words.ariaLive = playing || slider === document.activeElement ? "off" : "polite";
  }
  function show(next) {
    if (next === level) return;
    level = next;
    const at = `${data.label} ${data.values[level]} of ${top}`;
    canvases.forEach((canvas, i) => {
      drawFrame(canvas.getContext("2d"), sheets[i], data.panels[i], level, frames);
      canvas.ariaLabel = `${data.panels[i].name || data.title || "picture"}, ${at}`;
    });
    rows.forEach(([fill, number], i) => {
      fill.style.width = `${data.bars.values[i][level] / 10}%`;
      number.textContent = percent(data.bars.values[i][level]);
    });
    slider.value = level;
    slider.setAttribute("aria-valuetext", data.captions ? `${at}. ${data.captions[level]}` : at);
    readout.textContent = readouts[level];
    hush();
    said.textContent = data.captions?.[level] ?? "";
  }

  // Python hears of a level at most ten times a second, and always of the last one.
  let timer = 0;
  let lastSent = -Infinity;
  let sending = false;
  function send() {
    clearTimeout(timer);
    timer = 0;
    lastSent = performance.now();
    sending = true;
    link.set(level);
    sending = false;
  }
  function tell() {
    if (!timer) timer = setTimeout(send, Math.max(0, lastSent + 100 - performance.now()));
  }

  function play(on) {
    cancelAnimationFrame(request);
    playing = on ? { from: level < frames - 1 ? level : 0, since: performance.now() } : null;
    hush();
    button.ariaLabel = on ? "pause" : "play";
    button.querySelector("path").setAttribute("d", on ? PAUSE : PLAY);
    if (on) request = requestAnimationFrame(step);
  }
  function step(now) {
    const passed = Math.max(0, now - playing.since) / (data.seconds * 1000);
    const next = playing.from + Math.floor(passed * frames);
    const done = next >= frames - 1 && !data.loop;
    show(done ? frames - 1 : next % frames);
    tell();
    if (done) play(false);
    else request = requestAnimationFrame(step);
  }

  button.addEventListener("click", () => play(!playing));
  slider.addEventListener("input", () => {
    if (playing) play(false);
    show(slider.valueAsNumber);
    tell();
  });
  link.onChange(() => {
    if (sending || link.get() === level) return;
    clearTimeout(timer);
    timer = 0;
    play(false);
    show(link.get());
  });
  play(false);
  show(link.get());
  if (data.autoplay && !matchMedia("(prefers-reduced-motion: reduce)").matches) play(true);
  return () => {
    play(false);
    if (timer) send();
  };
}
