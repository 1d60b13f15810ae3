// What figures with a script share: nodes, and the colours of the page that they stand in.

function make(parent, tag, className = "", textContent = "") {
  return parent.appendChild(Object.assign(document.createElement(tag), { className, textContent }));
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
