// The plane: what its controls do. plane.py puts page.js, plane_numbers.js, plane_paint.js and this file into an
// output's HTML, so none of them may contain a closing script tag.

// Fills the figure `el` with a plane over `data`, which plane.py makes.
async function mount(el, data) {
  el.classList.add("inkdrop-plane"); // at once: the next script must not mount it again
  const sheet = Object.assign(new Image(), { src: data.faces });
  await sheet.decode();
  const { names } = data;
  const alphaBar = data.alphaBar.map(Math.fround); // to the last bit what Python reckons with
  const T = alphaBar.length - 1;
  const asBefore = () => structuredClone({ places: data.places, weights: data.weights, asked: names.map(() => false) });
  const village = { ...asBefore(), alphaBar, w: 1 };
  const now = { click: "away", w: 1, ...data.start, paths: [], ladder: [], request: 0 };

  el.replaceChildren();
  el.role = "group";
  el.ariaLabel = data.alt;
  const box = make(make(el, "div"), "div", "both");
  const stage = make(box, "div", "stage");
  const side = make(box, "div", "side");
  side.innerHTML = data.controls;
  make(box.parentNode, "figcaption", "", data.caption);
  const one = (selector) => side.querySelector(selector);
  const paint = painter(el, stage, one(".best"), names, sheet, village, now, report);

  // show(share) at each frame, while share goes from 0 to 1. What is cut short is finished at once if it is `whole`.
  function run(seconds, whole, show) {
    const began = performance.now();
    const next = (time) => {
      const share = Math.min(1, Math.max(0, time - began) / 1000 / seconds);
      now.request = share < 1 ? requestAnimationFrame(next) : 0;
      show(share);
    };
    now.finish = () => whole && show(1);
    next(whole && matchMedia("(prefers-reduced-motion: reduce)").matches ? Infinity : began);
  }
  function stop() {
    const running = now.request;
    cancelAnimationFrame(running);
    now.request = 0;
    paint.point.classList.remove("new");
    if (running) now.finish();
  }
  function go(t) {
    Object.assign(now, { level: t, swarm: null, tally: null, ladder: [] });
    if (now.held) now.point = faded(village, ...now.held, t); // somebody, and the noise on them
    paint.redraw();
  }
  function move(x, t = now.level) {
    stop();
    const inside = x.map((v) => Math.min(VIEW, Math.max(-VIEW, v)));
    Object.assign(now, { point: inside, mix: null, noise: null, held: null });
    go(t);
  }
  // The next seed; the same again if it was told how else to walk since, so that one can compare.
  function sow() {
    stop();
    if (now.used) one("[name=seed]").value = ++now.seed;
    now.used = true;
  }
  function prior() {
    const weights = counted(village);
    return weights.map((weight) => weight / total(weights));
  }
  const rungs = (t) => ladder(t, Math.max(1, Math.round((now.steps * t) / T)), now.squares);
  // The point walks through those levels that `pick` takes of the ladder down from it; once down, from new noise.
  function tread(pick) {
    stop();
    if (!now.level) actions.anew();
    now.noise ??= normals(now.seed, 0);
    if (!now.ladder.includes(now.level)) now.ladder = rungs(now.level);
    const levels = pick(now.ladder.filter((t) => t <= now.level));
    const points = walk(village, now.point, levels, now, now.noise);
    now.mix = answer(village, points.at(-2), levels.at(-2)).mix;
    animate([points], levels);
  }
  // n walks at once, each from begin(noise, i). due: the share of each person, where that is known.
  function crowd(n, levels, how, begin, due) {
    const walkers = Array.from({ length: n }, (_, i) => normals(now.seed, i + 1));
    animate(walkers.map((noise, i) => walk(village, begin(noise, i), levels, how, noise)), levels, due);
  }
  function animate(walks, levels, due) {
    const thin = walks.length > 1;
    const asPath = (points) => ({ points, levels, thin, end: who(village, points.at(-1)), drawn: 0, until: 0 });
    const paths = walks.map(asPath);
    Object.assign(now, { held: null, swarm: thin ? paths : null, tally: null });
    now.paths = [...now.paths, ...paths].slice(-1000);
    const ends = (i) => paths.filter(({ end }) => end === i).length;
    run(Math.min(2, 0.3 + 0.03 * levels.length), true, (share) => {
      const k = Math.round(share * (levels.length - 1));
      now.level = levels[k];
      for (const path of paths) path.until = k;
      if (!thin) now.point = walks[0][k];
      if (share === 1 && due) now.tally = { n: walks.length, due, counts: names.map((_, i) => ends(i)) };
      paint.redraw();
    });
  }
  function edit(change) {
    Object.assign(village, change);
    now.mistOf = null;
    paint.redraw();
  }
  function choose(i) {
    const { weights, asked } = village;
    if (now.click === "asked") asked[i] = !asked[i];
    else if (now.click === "twice") weights[i] = weights[i] === 2 ? 1 : 2;
    else weights[i] = weights[i] && total(weights) > weights[i] ? 0 : 1; // somebody must stay
    edit({});
  }

  const actions = {
    play: () => (now.request ? stop() : run(5, false, (share) => go(Math.round(share * T)))),
    anew() {
      sow();
      const noise = normals(now.seed, 0);
      move(noise(), T);
      now.noise = noise; // the walk goes on with it
    },
    jump: () => tread(([t]) => [t, 0]),
    down: () => tread(([t, s]) => [t, s]),
    all: () => tread((levels) => levels),
    many() {
      sow();
      crowd(200, rungs(T), now, (noise) => noise(), prior());
    },
    here() {
      sow();
      if (now.level) now.from = [now.point, now.level];
      const [x, t] = now.from ?? [now.point, T];
      crowd(200, rungs(t), now, () => x, answer(village, x, t).p);
    },
    roads() {
      stop();
      const grid = Array.from({ length: 169 }, (_, i) => [(i % 13) - 6, Math.floor(i / 13) - 6].map((v) => 0.44 * v));
      crowd(grid.length, rungs(T), { rest: "none" }, (_, i) => grid[i]);
    },
    up() {
      stop();
      const low = Math.round(T / 50); // a person has no noise that could be told: put on a little
      if (now.level < low) move(faded(village, now.point, normals(now.seed, 0)(), low), low);
      const levels = [now.level, ...ladder(T, T / 2).reverse().filter((t) => t > now.level)];
      animate([walk(village, now.point, levels, { rest: "none" }, () => [0, 0])], levels);
    },
    clear() {
      stop();
      Object.assign(now, { paths: [], swarm: null, tally: null });
      paint.redraw();
    },
    half: () => edit({ weights: names.map((_, i) => 1 - (i % 2)) }),
    before: () => edit(asBefore()),
  };

  // ---- what stands beside the picture ----

  function report(known) {
    one("[name=level]").value = now.level;
    write(one(".level"), `level ${now.level} / ${T}`);
    write(one("[name=play]"), now.request ? "⏸" : "▶");
    one("[name=play]").ariaLabel = now.request ? "pause" : "play from level 0 to the last";
    one(".answers").hidden = !known && !now.swarm;
    one("small").hidden = !known;
    write(one(".words"), known ? verdict(known.p) : `${now.swarm?.length} walks at once`);
    tally();
    clearTimeout(now.timer); // a screen reader hears it once all is at rest
    const numbers = names.map((name, i) => `${name} ${paint.faces[i].number.textContent}`);
    const likely = numbers.filter((text) => text.includes("%"));
    const said = known ? `${verdict(known.p)} ${likely.join(", ")}` : one(".verdict").textContent;
    now.timer = setTimeout(() => write(one(".aloud"), `Level ${now.level} of ${T}. ${said}`), 800);
  }
  // The four answers of the lessons.
  function verdict(p) {
    if (!total(p)) return "Nobody lives here.";
    const before = prior();
    const bits = total(p.map((share, i) => share && share * Math.log2(share / before[i])));
    const [a, b, c] = [...names.keys()].sort((i, j) => p[j] - p[i]).map((i) => names[i]);
    if (Math.max(...p) >= 0.99) return `It is ${a}.`;
    if (Math.max(...p) >= 0.5) return `Probably ${a}.`;
    return bits >= 1 ? `Somebody: ${a}, or ${b}, or even ${c}.` : "No idea: it may be anybody.";
  }
  function tally() {
    if (now.tallied === now.tally) return;
    now.tallied = now.tally;
    one(".tally").replaceChildren();
    write(one(".verdict"), "");
    if (!now.tally) return;
    const { n, counts, due } = now.tally;
    const most = Math.max(...counts, ...due.map((share) => share * n));
    counts.forEach((count, i) => {
      if (!count && !due[i]) return;
      make(one(".tally"), "span", "", names[i]);
      const bar = make(one(".tally"), "span", "bar");
      Object.assign(make(bar, "i").style, { width: `${(100 * count) / most}%`, background: paint.rgb(i, 1) });
      make(bar, "u").style.left = `${(100 * due[i] * n) / most}%`;
      make(one(".tally"), "span", "", `${count}, due ${(due[i] * n).toFixed(1)}`);
    });
    const [people, lost, far] = [counts.filter(Boolean).length, n - total(counts), surprise(counts, due)];
    if (!people) return write(one(".verdict"), `All ${n} walks ended between people.`);
    const met = people === 1 ? "One person" : `${people} different people`;
    const seldom = far < 3.09 ? "seldom" : "hardly ever"; // beyond that less than once in 1,000 times
    const often = far < 1.645 ? "No more off than chance is." : `Chance alone is ${seldom} so far off.`;
    write(one(".verdict"), `${met} in ${n} walks${lost ? `, ${lost} of which ended between people` : ""}. ${often}`);
  }

  // ---- who does it ----

  const drag = (x) => move(x.map((v) => v / paint.scale(now.level)));
  paint.hold(paint.point, () => now.point.map((v) => v * paint.scale(now.level)), drag);
  paint.canvas.onclick = (event) => now.lines && drag(paint.under(event));
  paint.faces.forEach(({ face }, i) => {
    const act = (x) => edit({ places: village.places.with(i, x.map((v) => Math.min(2, Math.max(-2, v)))) });
    paint.hold(face, () => village.places[i], act, () => choose(i));
  });
  function open() {
    const may = one("[data-tool=village]").open; // people can be clicked and dragged
    stage.classList.toggle("open", may);
    for (const { face } of paint.faces) face.tabIndex = may ? 0 : -1;
  }
  for (const panel of side.querySelectorAll("[data-tool]")) {
    panel.hidden = !data.tools.includes(panel.dataset.tool);
    panel.open = data.open.includes(panel.dataset.tool);
    panel.ontoggle = open;
  }
  open();
  one("[name=level]").max = T;
  for (const node of side.querySelectorAll("button")) node.onclick = actions[node.name];
  for (const node of side.querySelectorAll("input, select")) {
    const { name, type } = node;
    const number = /range|number/.test(type);
    const value = () => (type === "checkbox" ? node.checked : number ? node.valueAsNumber || 0 : node.value);
    const told = () => name !== "level" && type === "range" && write(node.nextElementSibling, node.value);
    node[type === "checkbox" ? "checked" : "value"] = now[name] ?? "";
    told();
    node.oninput = () => {
      stop();
      if (name === "level") return go(value());
      told();
      if (["rest", "first", "steps", "squares", "seed"].includes(name)) Object.assign(now, { used: false, ladder: [] });
      now[name] = value();
      village.w = now.w;
      paint.dress();
    };
  }
  // Without this JupyterLab takes the arrow keys, and Enter, for itself.
  const keen = el.querySelectorAll("button, input, select, summary");
  for (const node of keen) node.setAttribute("data-lm-suppress-shortcuts", "true");
  new ResizeObserver(paint.dress).observe(stage);
  el.addEventListener("transitionend", (event) => event.target === el && paint.dress()); // the page's theme changed
  el.plane = { village, now, posterior, answer, walk, ladder, normals, who, surprise }; // for tests
}
