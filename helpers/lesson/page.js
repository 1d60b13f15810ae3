// What the figures with a script share: their looks, their nodes, and the colours of the page that they stand in. The
// files are put into each output's HTML, so none of them may contain a closing script tag.

const LOOKS = `.inkdrop { margin: 8px 0; padding: 0 3px; font: 14px/1.45 var(--jp-ui-font-family, system-ui, sans-serif);
  transition: color 1ms;
  > div { --line: color-mix(in srgb, currentColor 50%, transparent); --accent: light-dark(#1a6fd0, #79b4ff); }
  * { box-sizing: border-box; }
  [hidden] { display: none !important; }
  button { border: 1px solid var(--line); background: none; color: inherit; font: inherit; cursor: pointer; }
  [type=range] { flex: 1 1 120px; min-width: 0; height: 28px; margin: 0; accent-color: var(--accent); cursor: pointer; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  .aloud { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  figcaption { margin-top: 8px; padding-top: 8px; border-top: 1px solid var(--line); font-size: 13px; } }`;

function make(parent, tag, className = "", textContent = "") {
  return parent.appendChild(Object.assign(document.createElement(tag), { className, textContent }));
}

// The box that takes the place of the figure's still picture, dressed in the page's colours whenever these change.
function boxIn(el, data, kind, style) {
  el.replaceChildren();
  el.ariaLabel = data.alt;
  make(el, "style", "", LOOKS + style);
  const box = make(el, "div", kind);
  for (const over of ["transitionend", "transitioncancel"]) // of the colour that it inherits: the theme has changed
    el.addEventListener(over, (event) => event.target === el && recolour(el, box));
  recolour(el, box);
  return box;
}

// Without this JupyterLab takes the arrow keys, and Enter, for itself.
function keepKeys(el) {
  const keen = el.querySelectorAll("button, input, select, summary");
  for (const node of keen) node.setAttribute("data-lm-suppress-shortcuts", "true");
}

// Lays colours over one another: [red, green, blue, opacity], each in 0..255.
function mixed(colours) {
  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  for (const colour of colours) {
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
  }
  return context.getImageData(0, 0, 1, 1).data;
}

function luminance(colour) {
  const [r, g, b] = Array.from(colour, (v) => (v <= 10 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4)); // WCAG 2
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// Gives the box the page's own text colour or, where that cannot be read on the page's own background, black or white.
function recolour(el, box) {
  const behind = [];
  for (let node = el; node; node = node.parentElement) behind.unshift(getComputedStyle(node).backgroundColor);
  const paper = mixed(behind);
  const text = luminance(mixed([...behind, getComputedStyle(el).color]));
  const page = luminance(paper);
  const contrast = (Math.max(text, page) + 0.05) / (Math.min(text, page) + 0.05);
  const known = paper[3] === 255; // else the page shows what lies behind it, as a frame in Colab may
  const dark = known ? page < 0.18 : text > 0.5;
  box.style.color = known && contrast < 4.5 ? (dark ? "#fff" : "#000") : "";
  box.style.colorScheme = dark ? "dark" : "light";
}
