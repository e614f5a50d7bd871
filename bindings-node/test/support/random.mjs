// Random choices that a seed decides.

/** A generator of numbers in [0, 1) (mulberry32). */
function numbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function random(seed) {
  const next = numbers(seed);
  const below = (n) => Math.floor(next() * n);
  const pick = (list) => list[below(list.length)];
  return {
    below,
    pick,
    chance: (share) => next() < share,
    /** One of `[weight, value]`. */
    weighted(list) {
      let at = next() * list.reduce((sum, [weight]) => sum + weight, 0);
      return list.find(([weight]) => (at -= weight) < 0)[1];
    },
  };
}
