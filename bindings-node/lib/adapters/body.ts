// Bodies whose end settles a call.

import { finished, type Readable } from 'node:stream';
import type { Call } from './status';

type Signal = AbortSignal | null | undefined;

/** The same bytes, read when they are asked for. */
export function watchedStream(
  body: ReadableStream<Uint8Array>,
  call: Call,
  signal: Signal,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    type: 'bytes',
    start(controller) {
      // Also when nobody reads any more.
      reader.closed.then(
        () => call.ended(),
        (error: unknown) => {
          call.broke(error, signal);
          controller.error(error);
        },
      );
    },
    async pull(controller) {
      let chunk = await reader.read();
      while (!chunk.done && chunk.value.byteLength === 0) chunk = await reader.read();
      if (!chunk.done) return controller.enqueue(chunk.value as Uint8Array<ArrayBuffer>);
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel(reason) {
      call.aborted(reason);
      return reader.cancel(reason);
    },
  });
}

/** Settles with a Node.js stream's end; one that is destroyed without an error was cancelled. */
export function watchReadable(body: Readable, call: Call, signal: Signal): void {
  finished(body, { writable: false }, (error) => {
    if (error === null || error === undefined) call.ended();
    else if (error.code === 'ERR_STREAM_PREMATURE_CLOSE') call.aborted(signal?.reason);
    else call.broke(error, signal);
  });
}

/** A response like this one, whose body is watched: a body cannot be swapped in place. */
export function watchedResponse(response: Response, call: Call, signal: Signal): Response {
  const Type = response.constructor as typeof Response;
  const body = watchedStream(response.body as ReadableStream<Uint8Array>, call, signal);
  return alike(new Type(body, { headers: response.headers }), response);
}

/** What a constructor does not take, or not as it was: some services answer with a status of 999. */
function alike(made: Response, original: Response): Response {
  for (const key of ['url', 'status', 'ok', 'statusText', 'redirected', 'type'] as const) {
    Object.defineProperty(made, key, { value: original[key], configurable: true });
  }
  const clone = made.clone;
  return Object.defineProperty(made, 'clone', {
    value: () => alike(clone.call(made), original),
    configurable: true,
    writable: true,
  });
}
