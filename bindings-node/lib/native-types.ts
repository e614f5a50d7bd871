// What the native part shows, as `bindings-node/native.d.ts` has it.

/** A clock that moves only when it is told to. */
export declare class NativeClock {
  advance(nanos: number): void;
  now(): number;
}

/** What one isolate has of the core. */
export declare class Isolate {
  constructor(scratch: ArrayBuffer);
  get acquire(): () => void;
  get settle(): () => void;
  settleFailed(errorType: string): void;
  create(name: string, document: string, clock?: NativeClock | null, registry?: string | null): number;
  find(registry: string, name: string): number | null;
  remove(registry: string, name: string): boolean;
  names(registry: string): string[];
  registryMetrics(registry: string): string;
  metrics(slots: number[]): string;
  isSame(slot: number, other: number): boolean;
  release(slot: number): void;
  addChunk(chunk: ArrayBuffer): void;
  openLane(slot: number): number | null;
  slab(number: number): ArrayBuffer | null;
  listen(slot: number, wake: () => void): void;
  unlisten(slot: number): void;
  drain(): string;
  waiting(): number;
  state(slot: number): string;
  mode(slot: number): string;
  name(slot: number): string;
  snapshot(slot: number): string;
  document(slot: number): string;
  wouldReject(slot: number): number;
  trip(slot: number, duration?: string | null, actor?: string | null, reason?: string | null): void;
  halfOpen(slot: number, actor?: string | null, reason?: string | null): void;
  reset(slot: number, actor?: string | null, reason?: string | null): void;
  setMode(slot: number, mode: string, actor?: string | null, reason?: string | null): boolean;
  poll(slot: number): void;
  reconfigure(slot: number, document: string, actor?: string | null, reason?: string | null): boolean;
}

export declare const VERSION: string;
export declare const LANE_VERSION: number;
export declare const LAYOUT_VERSION: number;
export declare const COUNT_MASK: number;
export declare const TIMEOUT: string;
export declare const CONTENT_TYPE: string;
export declare function schema(): string;
export declare function rejectionMessage(breaker: string, reason: string, nanos?: number | null): string;
