// Draws the plane: the village, where noise takes it, the noisy point with its best answer, and walks.

const VIEW = 2.8; // the stage shows -2.8..2.8 in both directions
const GRID = 90; // cells of the cloud, across and down
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
// best: beside the stage, for the best answer; after(known) is called when all is drawn.
function painter(stage, best, sheet, { names, colours }, village, now, after) {
  const context = make(stage, "canvas").getContext("2d");
  const [layer, mist] = [0, 1].map(() => document.createElement("canvas").getContext("2d"));
  mist.canvas.width = mist.canvas.height = GRID;
  const fog = sprite(best);
  const faces = names.map((name, i) => {
    const face = make(stage, "button", "face");
    const picture = sprite(face);
    picture.drawImage(sheet, -16 * i, 0);
    make(face, "span", "", name);
    return { face, number: make(face, "b"), pixels: picture.getImageData(0, 0, 16, 16).data };
  });
  const point = make(stage, "button", "point new");
  point.ariaLabel = "the noisy point: arrow keys move it";

  let [unit, sharp] = [1, 1]; // pixels to one unit of the plane, and to one of CSS
  let [frame, misted] = [0, ""]; // which frame is asked for, and what the cloud was last drawn of
  const rgb = (i, alpha) => `rgb(${(colours[i] ?? [128, 128, 128]).join(" ")} / ${alpha})`;
  const scale = (t) => (now.flow ? 1 / (Math.sqrt(village.alphaBar[t]) + Math.sqrt(1 - village.alphaBar[t])) : 1);
  const at = ([x, y], t) => [(VIEW + x * scale(t)) * unit, (VIEW - y * scale(t)) * unit];
  const dots = Array.from({ length: DOTS }, (_, k) => ({ i: k % names.length, noise: normal(0, k, -1) }));

  function redraw() {
    frame ||= requestAnimationFrame(draw);
  }
  function resize() { // or another scale
    sharp = devicePixelRatio;
    for (const { canvas } of [context, layer]) canvas.width = canvas.height = Math.round(stage.clientWidth * sharp);
    unit = context.canvas.width / (2 * VIEW);
    for (const path of now.paths) path.drawn = 0;
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
    const seen = [t, now.flow, village.places, village.weights].join();
    if (seen !== misted) mist.putImageData(new ImageData(cloud(village, t, colours, GRID, VIEW, scale(t)), GRID), 0, 0);
    misted = seen;
    context.imageSmoothingEnabled = true;
    context.drawImage(mist.canvas, 0, 0, context.canvas.width, context.canvas.width);
  }
  // What is new of them goes onto a layer of its own, so that hundreds cost nothing while something else moves.
  function drawPaths() {
    if (!now.paths.length) layer.clearRect(0, 0, layer.canvas.width, layer.canvas.width);
    for (const path of now.paths) {
      const { points, levels, until, drawn, end, thin } = path;
      const fresh = points.slice(drawn, until + 1).map((x, k) => at(x, levels[drawn + k]));
      if (fresh.length > 1) line(layer, fresh, rgb(end, thin ? 0.28 : 0.9), thin ? 0.8 : 2.2);
      path.drawn = until;
    }
    context.drawImage(layer.canvas, 0, 0);
  }
  // From the noisy point a line to everybody, as strong as they are likely, and an arrow to the best answer.
  function drawAnswer({ p, mix, best }) {
    const [from, to] = [at(now.point, now.level), at(best, 0)];
    p.forEach((share, i) => line(context, [from, at(village.places[i], 0)], rgb(i, Math.sqrt(share)), 1 + 9 * share));
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]) / sharp;
    const [right, down] = to.map((v, i) => (v - from[i]) / length);
    const along = (far, aside) => [from[0] + right * far - down * aside, from[1] + down * far + right * aside];
    const far = length - 22; // up to the frame of the answer
    const arrow = [along(0, 0), along(far, 0), along(far - 8, -5), along(far, 0), along(far - 8, 5)];
    const ink = getComputedStyle(stage).color;
    if (far > 12) line(context, arrow, ink, 2);
    put(point, now.point, now.level);
    const average = fog.createImageData(16, 16);
    average.data.forEach((_, k, pixels) => {
      pixels[k] = total(mix.map((share, i) => share * faces[i].pixels[k]));
    });
    fog.putImageData(average, 0, 0);
    const [corner, size] = [to.map((v) => v - 16 * sharp), 32 * sharp]; // beneath the faces, so that no name is hidden
    context.drawImage(fog.canvas, ...corner, size, size);
    Object.assign(context, { strokeStyle: ink, lineWidth: 2 * sharp }).strokeRect(...corner, size, size);
  }
  // At level 0 somebody lives there or nobody does: then all that can be shown is what the last jump was mixed of.
  function guessed(t) {
    if (t || who(village, now.point) >= 0) return answer(village, now.point, t);
    const nobody = names.map(() => 0);
    return { p: nobody, mix: now.mix ?? nobody, best: now.point };
  }
  function draw() {
    frame = 0;
    if (!context.canvas.width) return; // out of sight; `resize` draws when there is room
    const { level: t, tally, swarm } = now;
    const known = now.lines && !swarm ? guessed(t) : null;
    context.clearRect(0, 0, context.canvas.width, context.canvas.width);
    if (now.cloud) drawCloud(t);
    drawPaths();
    context.imageSmoothingEnabled = false;
    context.globalAlpha = 0.65;
    const here = [...names.keys()].filter((i) => village.weights[i]);
    for (const i of here) { // small: where they have faded to
      const corner = at(faded(village, village.places[i], [0, 0], t), t).map((v) => v - 8 * sharp);
      context.drawImage(sheet, 16 * i, 0, 16, 16, ...corner, 16 * sharp, 16 * sharp);
    }
    context.globalAlpha = 1;
    for (const { i, noise } of now.crowd ? dots.filter(({ i }) => here.includes(i)) : []) {
      dot(faded(village, village.places[i], noise, t), t, 1.5, rgb(i, 0.9));
    }
    for (const { points, end, until } of swarm ?? []) dot(points[until], t, 2, rgb(end, 1));
    point.hidden = best.hidden = !known;
    if (known) drawAnswer(known);
    faces.forEach(({ face, number }, i) => {
      put(face, village.places[i], 0);
      face.classList.toggle("away", !village.weights[i]);
      face.classList.toggle("asked", village.asked[i]);
      const percent = known?.p[i] >= 0.005 ? `${Math.round(100 * known.p[i])} %` : "";
      write(number, tally ? `${tally.counts[i]} / ${tally.due[i].toFixed(1)}` : percent);
    });
    after(known);
  }

  // Drag a node by mouse, finger or arrow keys: act(x) hears where to, from where() on; click() if it was only clicked.
  function hold(node, where, act, click) {
    let [start, moved] = [null, false];
    node.onpointerdown = (event) => {
      node.setPointerCapture(event.pointerId);
      [start, moved] = [[event.clientX, event.clientY], false];
    };
    node.onpointermove = ({ clientX, clientY }) => {
      if (!start) return;
      moved ||= Math.hypot(clientX - start[0], clientY - start[1]) > 3;
      const { left, top, width } = stage.getBoundingClientRect();
      if (moved) act([(2 * VIEW * (clientX - left)) / width - VIEW, VIEW - (2 * VIEW * (clientY - top)) / width]);
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
  new ResizeObserver(resize).observe(stage);
  return { redraw, resize, scale, hold, point, faces };
}
