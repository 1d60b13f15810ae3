// What schedule.py, ideal.py and sampler.py say, for points [x, y] in the plane and in float64. plane.js draws it.
//
// A village is {places: [[x, y], ...], weights, asked, w, alphaBar}: asked says of each person whether they are asked
// for (nobody: no question is put), w how strictly, alphaBar is the schedule's table.

const total = (values) => values.reduce((a, b) => a + b, 0);
const average = (shares, places) => [0, 1].map((axis) => total(shares.map((share, i) => share * places[i][axis])));

// How likely each person is, given the noisy point at level t.
function posterior({ places, alphaBar }, weights, [x, y], t) {
  const signal = Math.sqrt(alphaBar[t]);
  const variance = Math.max(1 - alphaBar[t], 1e-9); // at level 0 the limit: whoever is nearest
  const distances = places.map(([a, b]) => (x - signal * a) ** 2 + (y - signal * b) ** 2);
  const logs = distances.map((distance, i) => Math.log(weights[i]) - distance / (2 * variance));
  const top = Math.max(...logs);
  const shares = logs.map((log) => Math.exp(log - top));
  return shares.map((share) => share / total(shares));
}

// The weights of those who are asked for; of everybody where no question is put, or none of them is there.
function counted({ weights, asked }) {
  const those = weights.map((weight, i) => (asked[i] ? weight : 0));
  return total(those) ? those : weights;
}

// {p: how likely each of those asked for is; mix: what the best answer is mixed of; best: that answer}
function answer(village, x, t) {
  const without = posterior(village, village.weights, x, t);
  const p = posterior(village, counted(village), x, t);
  const mix = without.map((share, i) => share + village.w * (p[i] - share));
  return { p, mix, best: average(mix, village.places) };
}

// The points of a walk through these levels. Each step has "fresh" noise (DDPM) or "none" (DDIM, also upwards), or it
// is "forgotten": DDPM's step without its noise. `first`, where given, is for the step from the last level. noise(s)
// gives two numbers for the step to level s.
function walk(village, x, levels, { rest, first }, noise) {
  const points = [x];
  for (let k = 0; k + 1 < levels.length; k++) {
    const how = (levels[k] === village.alphaBar.length - 1 && first) || rest;
    const [a, b] = [village.alphaBar[levels[k]], village.alphaBar[levels[k + 1]]];
    const { best } = answer(village, x, levels[k]);
    const sigma = how === "none" ? 0 : Math.sqrt(((1 - b) / (1 - a)) * (1 - a / b));
    const old = Math.sqrt(Math.max(1 - b - sigma ** 2, 0) / (1 - a));
    const fresh = how === "fresh" ? noise(levels[k + 1]) : [0, 0];
    x = x.map((v, i) => Math.sqrt(b) * best[i] + old * (v - Math.sqrt(a) * best[i]) + sigma * fresh[i]);
    points.push(x);
  }
  return points;
}

// Levels from start down to 0, evenly spread or by squares. Halves go to the even number, as in Python.
function ladder(start, steps, squares) {
  const round = (v) => (v % 1 === 0.5 ? 2 * Math.round(v / 2) : Math.round(v));
  const place = (k) => round(squares ? start * (k / steps) ** 2 : (start * k) / steps);
  return [...new Set(Array.from({ length: steps + 1 }, (_, k) => place(steps - k)))];
}

// Two standard normal numbers, the same for the same seed, walker and level (murmur3's mixing; Box and Muller's way).
function normal(seed, walker, level) {
  const [u, v] = [0, 1].map((k) => {
    let z = 0;
    for (const part of [seed, walker, level, k]) {
      z = Math.imul(z ^ part, 0x9e3779b1) + 0x6d2b79f5;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      z ^= z >>> 16;
    }
    return (z >>> 0) / 2 ** 32;
  });
  const length = Math.sqrt(-2 * Math.log(1 - u));
  return [length * Math.cos(2 * Math.PI * v), length * Math.sin(2 * Math.PI * v)];
}

// Who lives within 0.1 of the point; -1 if nobody does.
const who = ({ places }, [x, y]) => places.findIndex(([a, b]) => Math.hypot(x - a, y - b) < 0.1);

// How much further from what is due the counts are than by chance, in standard deviations: a chi-square test, brought
// to a bell curve as by Wilson and Hilferty (1931).
function surprise(counts, shares) {
  const due = shares.map((share) => share * total(counts));
  const far = total(counts.map((count, i) => due[i] && (count - due[i]) ** 2 / due[i]));
  const free = Math.max(1, due.filter(Boolean).length - 1);
  const spread = 2 / (9 * free);
  return (Math.cbrt(far / free) - 1 + spread) / Math.sqrt(spread);
}

// The density of all noisy points at level t as RGBA, in n x n cells of the square -view..view, in the colours of those
// who they may be. Opacity is its logarithm, on one scale at all levels. Coordinates are multiplied by `scale`.
function cloud({ places, weights, alphaBar }, t, colours, n, view, scale) {
  const signal = Math.sqrt(alphaBar[t]) * scale;
  const sd = Math.max(0.02, Math.sqrt(1 - alphaBar[t]) * scale);
  const cells = Array.from({ length: n }, (_, cell) => ((2 * cell + 1) / n - 1) * view); // their middles
  const bell = (mean) => cells.map((middle) => Math.exp(-(((middle - mean) / sd) ** 2) / 2));
  const across = places.map(([x]) => bell(signal * x));
  const down = places.map(([, y]) => bell(-signal * y));
  const area = total(weights) * 2 * Math.PI * sd ** 2;
  const pixels = new Uint8ClampedArray(4 * n * n);
  for (let cell = 0; cell < n * n; cell++) {
    const mix = [0, 0, 0, 0]; // red, green, blue, all
    for (let i = 0; i < places.length; i++) {
      const share = weights[i] * across[i][cell % n] * down[i][Math.floor(cell / n)];
      for (let k = 0; k < 4; k++) mix[k] += share * (colours[i][k] ?? 1);
    }
    for (let k = 0; k < 3; k++) pixels[4 * cell + k] = mix[k] / mix[3];
    pixels[4 * cell + 3] = (200 / 8) * (6 + Math.log(mix[3] / area));
  }
  return pixels;
}
