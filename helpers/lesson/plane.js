// The plane: what its controls do.

// Fills the figure `el` with a plane over `data`, which plane.py makes.
async function mount(el, data) {
  const sheet = Object.assign(new Image(), { src: data.faces });
  await sheet.decode();
  const { names } = data;
  const alphaBar = data.alphaBar.map(Math.fround); // to the last bit what Python reckons with
  const T = alphaBar.length - 1;
  const asBefore = () => structuredClone({ places: data.places, weights: data.weights, asked: names.map(() => false) });
  const village = { ...asBefore(), alphaBar, w: 1 };
  const now = { click: "away", w: 1, ...data.start, paths: [], request: 0 };

  const box = boxIn(el, data, "plane", "");
  const both = make(box, "div", "both");
  const stage = make(both, "div", "stage");
  const side = make(both, "div", "side");
  side.innerHTML = data.controls;
  make(box, "figcaption", "", data.caption);
  const one = (selector) => side.querySelector(selector);
  const paint = painter(stage, one(".best"), sheet, data, village, now, report);

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
    Object.assign(now, { level: t, swarm: null, tally: null });
    if (now.held) now.point = faded(village, ...now.held, t); // somebody, and the noise on them
    paint.redraw();
  }
  function move(x, t = now.level) {
    stop();
    Object.assign(now, { point: x.map((v) => Math.min(VIEW, Math.max(-VIEW, v))), mix: null, held: null });
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
  const rungs = () => ladder(T, now.steps, now.squares);
  const noise = (walker) => (level) => normal(now.seed, walker, level);
  // The point walks through those levels that `pick` takes of the rungs below it; once down, from new noise.
  function tread(pick) {
    stop();
    if (!now.level) actions.anew();
    const levels = [now.level, ...pick(rungs().filter((t) => t < now.level))];
    const points = walk(village, now.point, levels, now, noise(0));
    now.mix = answer(village, points.at(-2), levels.at(-2)).mix;
    animate([points], levels);
  }
  // due: the share of each person, where that is known.
  function animate(walks, levels, due) {
    const thin = walks.length > 1;
    const paths = walks.map((points) => ({ points, levels, thin, end: who(village, points.at(-1)), until: 0, drawn: 0 }));
    Object.assign(now, { held: null, swarm: thin ? paths : null, tally: null });
    now.paths = [...now.paths, ...paths].slice(-1000);
    run(Math.min(2, 0.3 + 0.03 * levels.length), true, (share) => {
      const k = Math.round(share * (levels.length - 1));
      now.level = levels[k];
      for (const path of paths) path.until = k;
      if (!thin) now.point = walks[0][k];
      const counts = names.map((_, i) => paths.filter(({ end }) => end === i).length);
      if (share === 1 && due) now.tally = { counts, due: due.map((v) => v * walks.length), far: surprise(counts, due) };
      paint.redraw();
    });
  }
  function edit(change) {
    Object.assign(village, change);
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
      move(noise(0)(T), T);
    },
    jump: () => tread(() => [0]),
    down: () => tread(([next]) => [next]),
    all: () => tread((levels) => levels),
    many() {
      sow();
      const walkers = Array.from({ length: 200 }, (_, i) => noise(i + 1));
      animate(walkers.map((noise) => walk(village, noise(T), rungs(), now, noise)), rungs(), prior());
    },
    roads() {
      stop();
      const grid = Array.from({ length: 169 }, (_, i) => [(i % 13) - 6, Math.floor(i / 13) - 6].map((v) => 0.44 * v));
      animate(grid.map((x) => walk(village, x, rungs(), { rest: "none" })), rungs());
    },
    up() {
      stop();
      const low = Math.round(T / 50); // a person has no noise that could be told: put on a little
      if (now.level < low) move(faded(village, now.point, noise(0)(0), low), low);
      const levels = [now.level, ...ladder(T, T / 2).reverse().filter((t) => t > now.level)];
      animate([walk(village, now.point, levels, { rest: "none" })], levels);
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
    const words = known ? verdict(known.p) : now.tally ? summary(now.tally) : "";
    write(one(".words"), words);
    clearTimeout(now.timer); // a screen reader hears it once all is at rest
    const numbers = names.map((name, i) => [name, paint.faces[i].number.textContent]).filter(([, number]) => number);
    const said = `Level ${now.level} of ${T}. ${words} ${numbers.map((pair) => pair.join(" ")).join(", ")}`;
    now.timer = setTimeout(() => write(one(".aloud"), said), 800);
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
  function summary({ counts, due, far }) {
    const [people, n] = [counts.filter(Boolean).length, now.swarm.length];
    if (!people) return `All ${n} walks ended between people.`;
    const lost = n - total(counts);
    const met = people === 1 ? "One person" : `${people} different people`;
    const seldom = far < 3.09 ? "seldom" : "hardly ever"; // beyond that less than once in 1,000 times
    const often = far < 1.645 ? "No more off than chance is." : `Chance alone is ${seldom} so far off.`;
    return `${met} in ${n} walks (reached / due)${lost ? `, ${lost} ended between people` : ""}. ${often}`;
  }

  // ---- who does it ----

  const drag = (x) => move(x.map((v) => v / paint.scale(now.level)));
  paint.hold(paint.point, () => now.point.map((v) => v * paint.scale(now.level)), drag);
  paint.faces.forEach(({ face }, i) => {
    const act = (x) => edit({ places: village.places.with(i, x.map((v) => Math.min(2, Math.max(-2, v)))) });
    paint.hold(face, () => village.places[i], act, () => choose(i));
  });
  const panel = one("[data-tool=village]");
  panel.ontoggle = () => { // while it is open people can be clicked and dragged
    stage.classList.toggle("open", panel.open);
    for (const { face } of paint.faces) face.tabIndex = panel.open ? 0 : -1;
  };
  for (const group of side.querySelectorAll("[data-tool]")) {
    group.hidden = !data.tools.includes(group.dataset.tool);
    group.open = data.open.includes(group.dataset.tool);
  }
  panel.ontoggle();
  one("[name=level]").max = T;
  for (const node of side.querySelectorAll("button")) node.onclick = actions[node.name];
  for (const node of side.querySelectorAll("input, select")) {
    const { name, type } = node;
    const value = () => (type === "checkbox" ? node.checked : (node.valueAsNumber ?? node.value) || 0);
    const told = () => name !== "level" && type === "range" && write(node.nextElementSibling, node.value);
    node[type === "checkbox" ? "checked" : "value"] = now[name] ?? "";
    told();
    node.oninput = () => {
      stop();
      if (name === "level") return go(value());
      told();
      if (["rest", "first", "steps", "squares", "seed"].includes(name)) now.used = false;
      now[name] = value();
      village.w = now.w;
      paint.resize();
    };
  }
  keepKeys(box);
  el.plane = { village, now, answer, walk, ladder, normal, who, surprise }; // for tests
}
