// What is done when a caller's signal is aborted. Many calls may have the same one: it has one listener for all of them,
// since Node.js warns of a signal that has more than ten.

interface Heard {
  readonly acts: Set<() => void>;
  readonly listener: () => void;
}

const heard = new WeakMap<AbortSignal, Heard>();

function listen(signal: AbortSignal): Heard {
  const acts = new Set<() => void>();
  const listener = (): void => {
    heard.delete(signal);
    for (const act of acts) {
      try {
        act();
      } catch (error) {
        // As of a listener that throws: it ends nothing else.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  };
  const hears = { acts, listener };
  heard.set(signal, hears);
  signal.addEventListener('abort', listener, { once: true });
  return hears;
}

/** Does that when the signal is aborted, which it is not yet; what this answers says that it is not to be done any more. @internal */
export function whenAborted(signal: AbortSignal, act: () => void): () => void {
  const hears = heard.get(signal) ?? listen(signal);
  const own = (): void => act();
  hears.acts.add(own);
  return () => {
    if (!hears.acts.delete(own) || hears.acts.size > 0 || heard.get(signal) !== hears) return;
    // A signal that somebody listens to is kept alive.
    heard.delete(signal);
    signal.removeEventListener('abort', hears.listener);
  };
}
