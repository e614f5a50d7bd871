// Calls that wait, and what becomes of them.

import { check } from './expect.mjs';
import { isCircuitOpenError } from './fusewire.mjs';

/** The calls of a case that wait, and those of them that have ended. */
export class Waits {
  #waiting = new Map();
  #ended = [];
  /** What has ended: cancelling it does nothing. */
  #over = new Map();

  begin(name, promise, controller) {
    this.#waiting.set(name, { promise, controller });
    promise.then(
      (permit) => this.#ended.push({ name, permit }),
      (error) => this.#ended.push({ name, error }),
    );
  }

  /** Gives a place up; whether there was one. */
  cancel(name) {
    const wait = this.#waiting.get(name) ?? this.#over.get(name);
    wait?.controller.abort();
    return wait !== undefined;
  }

  raise(name, to) {
    check(this.#waiting.has(name), () => `${name} does not wait`);
    this.#waiting.get(name).promise.raise(to);
  }

  /** Compares what became of them with what the step says; what it leaves out has not happened. */
  async collect(b, step) {
    // What a promise comes to is told in the next turns.
    for (let i = 0; i < 4; i++) await null;
    const [granted, timedOut, refused] = [[], [], {}];
    for (const { name, permit, error } of this.#ended.splice(0)) {
      const wait = this.#waiting.get(name);
      const { signal } = wait.controller;
      this.#waiting.delete(name);
      if (permit === undefined) this.#over.set(name, wait);
      if (permit !== undefined) {
        b.permits.set(name, permit);
        granted.push(name);
      } else if (signal.aborted) check(error === signal.reason, () => `${name} was cancelled, and told: ${error}`);
      else if (!isCircuitOpenError(error)) throw error;
      else if (error.reason === 'queue_timeout') timedOut.push(name);
      else refused[name] = error.reason;
    }
    is('granted', step.granted ?? [], granted);
    is('timed_out', step.timed_out ?? [], timedOut);
    is('refused', step.refused ?? {}, refused);
  }
}

function is(what, expected, got) {
  const isTable = !Array.isArray(expected);
  const shown = (value) => JSON.stringify(isTable ? Object.fromEntries(Object.entries(value).sort()) : value);
  check(shown(expected) === shown(got), () => `${what}: expected ${shown(expected)}, got ${shown(got)}`);
}
