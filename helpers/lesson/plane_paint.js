// Draws the plane: the village, where noise takes it, the noisy point with its best answer, and walks.

const VIEW = 2.8; // the stage shows -2.8..2.8 in both directions
const GRID = 120; // cells of the cloud, across and down
const DOTS = 600; // of the crowd

function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function sprite(parent) {
  const canvas = Object.assign(make(parent, "canvas", "sprite"), { width: 16, height: 16, ariaHidden: "true" });
  return canvas.getContext("2d", { willReadFrequently: true });
}

// `place` moved to level t by its noise.
function faded({ alphaBar }, place, noise, t) {
  return place.map((v, i) => Math.sqrt(alphaBar[t]) * v + Math.sqrt(1 - alphaBar[t]) * noise[i]);
}

// Puts everything onto the stage. village: as in plane_numbers.js; now: what is to be seen, {level, point, paths, ...};
// best: where else to draw the best answer; after(known) is called when all is drawn.
function painter(el, stage, best, names, sheet, village, now, after) {
  const context = make(stage, "canvas").getContext("2d");
  const [layer, mist] = [0, 1].map(() => document.createElement("canvas").getContext("2d"));
  mist.canvas.width = mist.canvas.height = GRID;
  const guess = make(stage, "div", "answer"); // beneath the faces, so that no name is hidden
  const fogs = [sprite(guess), sprite(best)];
  const faces = names.map((name, i) => {
    const face = make(stage, "button", "face");
    const picture = sprite(face);
    picture.drawImage(sheet, -16 * i, 0);
    make(face, "span", "", name);
    return { face, number: make(face, "b"), pixels: picture.getImageData(0, 0, 16, 16).data };
  });
  const point = make(stage, "button", "point new");
  point.ariaLabel = "the noisy point: arrow keys move it";

  let [unit, sharp, frame, colours] = [1, 1, 0, []]; // pixels to one unit, and to one of CSS; [r, g, b] of each person
  const homes = village.places; // a person who moves keeps their colour
  const rgb = (i, alpha) => `rgb(${(colours[i] ?? [128, 128, 128]).join(" ")} / ${alpha})`;
  const scale = (t) => (now.flow ? 1 / (Math.sqrt(village.alphaBar[t]) + Math.sqrt(1 - village.alphaBar[t])) : 1);
  const at = ([x, y], t) => [(VIEW + x * scale(t)) * unit, (VIEW - y * scale(t)) * unit];
  const dots = Array.from({ length: DOTS }, (_, k) => ({ i: k % names.length, noise: normals(0, -k - 2)() }));

  function redraw() {
    frame ||= requestAnimationFrame(draw);
  }
  // Everything anew, in the page's colours. A person's colour is where they live on a wheel of colours.
  function dress() {
    recolour(el, el.firstChild);
    sharp = devicePixelRatio;
    for (const { canvas } of [context, layer]) canvas.width = canvas.height = Math.round(stage.clientWidth * sharp);
    unit = context.canvas.width / (2 * VIEW);
    const shade = el.firstChild.style.colorScheme === "dark" ? "0.78 0.13" : "0.6 0.17";
    colours = homes.map(([x, y]) => [...mixed([`oklch(${shade} ${Math.atan2(y, x)}rad)`])].slice(0, 3));
    for (const path of now.paths) path.drawn = 0;
    now.mistOf = null;
    redraw();
  }
  function put(node, x, t) {
    const [left, top] = at(x, t).map((v) => `${v / sharp}px`);
    Object.assign(node.style, { left, top });
  }
  function line(on, path, strokeStyle, width) {
    on.beginPath();
    for (const xy of path) on.lineTo(...xy);
    Object.assign(on, { strokeStyle, lineWidth: width * sharp, lineJoin: "round", lineCap: "round" });
    on.stroke();
  }
  function dot(x, t, radius, fillStyle) {
    context.beginPath();
    context.arc(...at(x, t), radius * sharp, 0, 7);
    Object.assign(context, { fillStyle }).fill();
  }

  function drawCloud(t) {
    const pixels = now.mistOf !== t && cloud(village, t, colours, GRID, VIEW, scale(t));
    if (pixels) mist.putImageData(new ImageData(pixels, GRID), 0, 0);
    now.mistOf = t;
    context.imageSmoothingEnabled = true;
    context.drawImage(mist.canvas, 0, 0, context.canvas.width, context.canvas.width);
  }
  // What is new of a path goes onto a layer of its own, so that hundreds cost nothing while something else moves.
  function drawPath(path) {
    const { points, levels, thin, end, until, drawn } = path;
    if (drawn === until) return;
    const fresh = levels.slice(drawn, until + 1).map((t, k) => at(points[drawn + k], t));
    line(layer, fresh, rgb(end, thin ? 0.28 : 0.9), thin ? 0.8 : 2.2);
    path.drawn = until;
  }
  // From the noisy point a line to everybody, as strong as they are likely, and an arrow to the best answer.
  function drawAnswer({ p, mix, best }) {
    const [from, to] = [at(now.point, now.level), at(best, 0)];
    p.forEach((share, i) => {
      if (share > 0.003) line(context, [from, at(village.places[i], 0)], rgb(i, 0.3 + 0.7 * share), 0.8 + 9 * share);
    });
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]) / sharp;
    const [right, down] = to.map((v, i) => (v - from[i]) / length);
    const along = (far, aside) => [from[0] + right * far - down * aside, from[1] + down * far + right * aside];
    const far = length - guess.offsetWidth / 2 - 3; // up to the frame of the answer
    const arrow = [along(0, 0), along(far, 0), along(far - 8, -5), along(far, 0), along(far - 8, 5)];
    if (far > 12) line(context, arrow, getComputedStyle(stage).color, 2);
    put(point, now.point, now.level);
    put(guess, best, 0);
    const average = fogs[0].createImageData(16, 16);
    average.data.forEach((_, k, pixels) => {
      pixels[k] = total(mix.map((share, i) => share * faces[i].pixels[k]));
    });
    for (const fog of fogs) fog.putImageData(average, 0, 0);
  }
  // At level 0 somebody lives there or nobody does: then all that can be shown is what the last jump was mixed of.
  function guessed(t) {
    if (t || who(village, now.point) >= 0) return answer(village, now.point, t);
    const nobody = names.map(() => 0);
    return { p: nobody, mix: now.mix ?? nobody, best: now.point };
  }
  function draw() {
    frame = 0;
    const t = now.level;
    context.clearRect(0, 0, context.canvas.width, context.canvas.width);
    if (now.cloud) drawCloud(t);
    if (!now.paths.length) layer.clearRect(0, 0, layer.canvas.width, layer.canvas.width);
    now.paths.forEach(drawPath);
    context.drawImage(layer.canvas, 0, 0);
    const here = [...names.keys()].filter((i) => village.weights[i]);
    context.imageSmoothingEnabled = false;
    context.globalAlpha = 0.65;
    for (const i of here) { // small: where they have faded to
      const corner = at(faded(village, village.places[i], [0, 0], t), t).map((v) => v - 8 * sharp);
      context.drawImage(sheet, 16 * i, 0, 16, 16, ...corner, 16 * sharp, 16 * sharp);
    }
    context.globalAlpha = 1;
    for (const { i, noise } of now.crowd ? dots.filter(({ i }) => here.includes(i)) : []) {
      dot(faded(village, village.places[i], noise, t), t, 1.5, rgb(i, 0.9));
    }
    for (const { points, end, until } of now.swarm ?? []) dot(points[until], t, 2, rgb(end, 1));

    const seen = now.lines && !now.swarm;
    const known = guessed(t);
    for (const node of [point, guess, best]) node.hidden = !seen;
    if (seen) drawAnswer(known);
    faces.forEach(({ face, number }, i) => {
      put(face, village.places[i], 0);
      face.classList.toggle("away", !village.weights[i]);
      face.classList.toggle("asked", village.asked[i]);
      const percent = seen && known.p[i] >= 0.005 ? `${Math.round(100 * known.p[i])} %` : "";
      write(number, now.tally ? String(now.tally.counts[i]) : percent);
    });
    after(seen && known);
  }

  // Drag a node by mouse, finger or arrow keys: act(x) hears where to, from where() on; click() if it was only clicked.
  function hold(node, where, act, click) {
    let [start, moved] = [null, false];
    node.onpointerdown = (event) => {
      node.setPointerCapture(event.pointerId);
      [start, moved] = [[event.clientX, event.clientY], false];
    };
    node.onpointermove = (event) => {
      if (!start) return;
      moved ||= Math.hypot(event.clientX - start[0], event.clientY - start[1]) > 3;
      if (moved) act(under(event));
    };
    node.onlostpointercapture = () => (start = null);
    node.onclick = () => moved || click?.();
    node.onkeydown = (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!way) return;
      event.preventDefault();
      act(where().map((v, i) => v + way[i] * (event.shiftKey ? 0.3 : 0.05)));
    };
  }
  function under({ clientX, clientY }) {
    const { left, top, width } = context.canvas.getBoundingClientRect();
    return [(2 * VIEW * (clientX - left)) / width - VIEW, VIEW - (2 * VIEW * (clientY - top)) / width];
  }
  return { redraw, dress, scale, rgb, hold, under, point, faces, canvas: context.canvas };
}
