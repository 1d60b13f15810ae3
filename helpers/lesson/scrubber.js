// The scrubber: turns a figure into pictures with a slider under them. The page's colours are inherited, so that they
// follow its theme.

const STYLE = `.scrubber { max-width: 760px;
  .title { margin-bottom: 8px; }
  :is(.title, .heading) { font-weight: 600; }
  .stage { display: flex; flex-wrap: wrap; gap: 12px 24px; align-items: flex-start; font-size: 13px; }
  .panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 130px), 1fr));
    gap: 12px 24px; max-width: 100%; text-align: center; }
  canvas { max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 4px; background: #fff; }
  canvas.crisp { image-rendering: pixelated; }
  .bars { display: grid; grid-template-columns: auto minmax(60px, 1fr) auto; gap: 8px 10px; flex: 1 1 190px;
    max-width: 320px; align-items: center; }
  .heading { grid-column: 1 / -1; }
  .track { height: 12px; border: 1px solid var(--line); border-radius: 3px; }
  .fill { height: 100%; background: var(--accent); forced-color-adjust: none; }
  .controls { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; margin-top: 12px; }
  button { width: 36px; height: 36px; padding: 9px; border-radius: 50%; }
  svg { display: block; fill: currentColor; }
  .steady { display: grid; font-variant-numeric: tabular-nums; }
  .steady > * { grid-area: 1 / 1; }
  .longest { visibility: hidden; }
  :is(.number, .readout) { text-align: right; white-space: nowrap; }
  .words { margin-top: 6px; font-size: 15px; } }`;
const PLAY = "M3 1l12 7-12 7z";
const PAUSE = "M2 1h4v14H2zM10 1h4v14h-4z";

// A text that changes without anything around it moving: the longest of the texts, unseen, holds the room.
function steady(parent, className, texts) {
  const node = make(parent, "div", `steady ${className}`);
  const shown = make(node, "span");
  make(node, "span", "longest", texts.reduce((a, b) => (b.length > a.length ? b : a))).ariaHidden = "true";
  return shown;
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

// Fills the figure `el` with a scrubber over `data`, which scrubber.py makes.
async function mount(el, data) {
  const frames = data.values.length;
  const sheets = await Promise.all(data.panels.map(loadSheet));
  const top = data.values.reduce((a, b) => Math.max(a, b));
  const box = boxIn(el, data, "scrubber", STYLE);
  if (data.title) make(box, "div", "title", data.title);
  const stage = make(box, "div", "stage");
  const panels = make(stage, "div", "panels");
  panels.style.width = `${data.panels.reduce((sum, panel) => sum + panel.width * panel.scale + 26, -24)}px`;
  const canvases = data.panels.map((panel) => {
    const place = make(panels, "div");
    const canvas = make(place, "canvas", panel.tile || panel.scale === 1 ? "" : "crisp");
    Object.assign(canvas, { width: panel.width, height: panel.height, role: "img" });
    canvas.style.width = `${panel.width * panel.scale + 2}px`;
    if (panel.name) make(place, "div", "name", panel.name);
    return canvas;
  });
  const names = Object.keys(data.bars);
  const bars = names.length ? make(stage, "div", "bars") : null;
  if (data.bars_title && bars) make(bars, "div", "heading", data.bars_title);
  const rows = names.map((name) => {
    make(bars, "div", "", name);
    const fill = make(make(bars, "div", "track"), "div", "fill");
    return [data.bars[name], fill, steady(bars, "number", ["100 %"])];
  });
  const controls = make(box, "div", "controls");
  const button = Object.assign(make(controls, "button"), { type: "button" });
  button.innerHTML = '<svg viewBox="0 0 16 16" aria-hidden="true"><path/></svg>';
  const slider = make(controls, "input");
  Object.assign(slider, { type: "range", min: 0, max: frames - 1, step: 1, ariaLabel: data.label });
  const readouts = data.values.map((value) => `${data.label} ${value} / ${top}`);
  const readout = steady(controls, "readout", readouts);
  const words = data.captions && steady(box, "words", data.captions);
  const aloud = Object.assign(make(box, "div", "aloud"), { role: "status" });
  make(box, "figcaption", "", data.caption);

  let level = data.level;
  let playing = null; // or {from, since}: the frame and the time at which playing began
  let request = 0;

  function show(next) {
    level = next;
    canvases.forEach((canvas, i) => drawFrame(canvas.getContext("2d"), sheets[i], data.panels[i], level, frames));
    for (const [permille, fill, number] of rows) {
      fill.style.width = `${permille[level] / 10}%`;
      number.textContent = `${Math.round(permille[level] / 10)} %`;
    }
    slider.value = level;
    readout.textContent = readouts[level];
    if (words) words.textContent = data.captions[level];
  }
  // What a screen reader is told, only at rest. A slider that has the focus tells its own value, so nothing else does.
  function rest(say) {
    const at = `${data.label} ${data.values[level]} of ${top}`;
    canvases.forEach((canvas, i) => (canvas.ariaLabel = `${data.panels[i].name || data.title || "picture"}, ${at}`));
    const told = data.captions ? `${at}. ${data.captions[level]}` : at;
    slider.setAttribute("aria-valuetext", told);
    aloud.textContent = say ? told : "";
  }
  function play(on, say = slider !== document.activeElement) {
    cancelAnimationFrame(request);
    playing = on ? { from: level < frames - 1 ? level : 0, since: performance.now() } : null;
    button.ariaLabel = on ? "pause" : "play";
    button.querySelector("path").setAttribute("d", on ? PAUSE : PLAY);
    if (on) request = requestAnimationFrame(step);
    if (on) aloud.textContent = "";
    else rest(say);
  }
  function step(now) {
    const passed = Math.max(0, now - playing.since) / (data.seconds * 1000);
    const next = Math.min(playing.from + Math.floor(passed * frames), frames - 1);
    if (next !== level) show(next);
    if (next < frames - 1) request = requestAnimationFrame(step);
    else play(false);
  }

  button.addEventListener("click", () => play(!playing));
  slider.addEventListener("input", () => {
    show(slider.valueAsNumber);
    play(false, false);
  });
  keepKeys(box);
  show(level);
  play(false, false);
}
