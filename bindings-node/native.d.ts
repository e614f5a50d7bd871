// Made from the Rust sources; FUSEWIRE_BLESS=1 with the tests writes it anew.

/** A clock that moves only when it is told to. */
export declare class NativeClock {
  /** A clock that stands at 0. */
  constructor()
  /** Moves the clock forward by nanoseconds. */
  advance(nanos: number): void
  /** Nanoseconds since the clock's zero. */
  now(): number
}

/** What one isolate has of the core. */
export declare class Isolate {
  /** Over a scratch: an array buffer that is never detached. */
  constructor(scratch: ArrayBuffer)
  /** Acquires a permit, through the scratch. */
  get acquire(): () => void
  /** As `acquire`, for a call that says what it asks for, through the scratch; it may wait for a slot. */
  get enter(): () => void
  /** Settles a permit, through the scratch. */
  get settle(): () => void
  /** Begins a call with its attempts, through the scratch. */
  get begin(): () => void
  /** Settles an attempt, through the scratch, and goes on. */
  get settleAttempt(): () => void
  /** Gives an error type a number, for `settle`. */
  addErrorType(errorType: string): number
  /** As `settle`, for a failure whose type has no number. */
  settleFailed(errorType: string): void
  /** Calls `wake` when another thread has something to tell: an event, or the end of a wait. */
  attend(wake: () => void): void
  /** Listens to a breaker's transitions. */
  listen(slot: number): void
  /** Listens to what changes around a breaker's machine. */
  listenToPolicies(slot: number): void
  /** Stops listening to the transitions of a breaker. */
  unlisten(slot: number): void
  /** Stops listening to its policies. */
  unlistenToPolicies(slot: number): void
  /** Events that wait, as JSON. */
  drain(): string
  /** How many wait, and how many waits have ended that nobody has fetched. */
  waiting(): number
  /** The effective state. */
  state(slot: number): string
  /** The mode. */
  mode(slot: number): string
  /** The name. */
  name(slot: number): string
  /** The snapshot as JSON, durations in nanoseconds. */
  snapshot(slot: number): string
  /** What the scratch said of the last failure, in two halves, as JSON; `None` when there was none. */
  lastFailure(slot: number, low: number, high: number): string | null
  /** The document with its defaults filled in. */
  document(slot: number): string
  /** Why a call of that permit, in the scratch, would have been rejected: 1 + the reason's code, or 0. */
  wouldReject(slot: number): number
  /** Opens, for a duration as documents have it if one is given. */
  trip(slot: number, duration?: string | undefined | null, actor?: string | undefined | null, reason?: string | undefined | null): void
  /** Lets the next calls probe. */
  halfOpen(slot: number, actor?: string | undefined | null, reason?: string | undefined | null): void
  /** Closes. */
  reset(slot: number, actor?: string | undefined | null, reason?: string | undefined | null): void
  /** Sets the mode; `false` when there is none of that name. */
  setMode(slot: number, mode: string, actor?: string | undefined | null, reason?: string | undefined | null): boolean
  /** Carries out what is due. */
  poll(slot: number): void
  /** Swaps the document; `false` when it is the same. */
  reconfigure(slot: number, document: string, actor?: string | undefined | null, reason?: string | undefined | null): boolean
  /** Begins an attempt beside the one that is under way, through the scratch; `false` when there is to be none. */
  hedge(place: number): boolean
  /**
   * The attempt has failed while hedges of it go on: settles it. Answers 1 + the code of the slot that it keeps, if it
   * is to keep one; 0 for none.
   */
  primaryFailed(place: number, errorType: string | undefined | null, keeps: boolean): number
  /** The hedge whose permit is in the scratch is the attempt from here on. */
  hedgeWon(place: number): void
  /**
   * Where a fresh value of that key lies, that answers before anything is called: its place, and its version in the
   * scratch; -1 when there is none.
   */
  cacheFresh(slot: number, key: string): number
  /** The same for the rung `cache`: a value that may be stale. */
  cacheAny(slot: number, key: string): number
  /** Where the value of that key is to be kept; the epoch of what is vacant is in the scratch, too. */
  cacheStore(slot: number, key: string): number
  /**
   * The places of values that are of no use any more: the epoch, the place from which on all are, and those below it;
   * nothing without a cache: all of them.
   */
  cacheVacant(slot: number): Array<number>
  /** A call of that key begins: its ticket, negative when it follows another; 0 when calls do not join each other. */
  flightJoin(slot: number, key: string, level: number): number
  /** A leader has its answer: whom it is handed to. */
  flightLand(slot: number, ticket: number): Array<number>
  /** A call is given up: who leads from now on. */
  flightLeave(slot: number, ticket: number): Array<number>
  /** The code of a level by its name, or by its number as text. */
  level(text: string): number
  /** The code of a level by its number. */
  levelOf(number: number): number
  /** Fails when no call of the breaker can cost that, or be of that feature. */
  checkRequest(slot: number, cost: number, feature?: string | undefined | null): void
  /** Tells the feature and the method of the call that is asked for next. */
  nameCall(feature?: string | undefined | null, method?: string | undefined | null): void
  /** Fails with what was wrong with the last request. */
  wrong(): void
  /** Fetches the end of the wait that ended first, into the scratch; answers its ticket, or -1 when there is none. */
  nextEnded(): number
  /**
   * Ends the waits that are due, of the breaker whose wait that is; answers the nanoseconds that are left of this one, 0
   * when it has ended.
   */
  expire(ticket: number): number
  /**
   * Which use of its place the permit in the scratch is of: with the word of its engine it names this permit alone. -1
   * for one that nobody has to give back.
   */
  held(): number
  /** Lets go of a permit that was collected, unless it was settled. */
  abandon(engine: number, turn: number): void
  /** Lets a call wait at the end of a higher level. */
  raise(ticket: number, level: number): void
  /** Ends a wait as if it had never begun. */
  cancel(ticket: number): void
  /** Nanoseconds on the breaker's clock. */
  now(slot: number): number
  /** Whether the permit in the scratch passed a breaker that would have rejected it. */
  isBypassed(slot: number): boolean
  /** Sets the lowest level that is let in. */
  setMinPriority(slot: number, level: number, actor?: string | undefined | null, reason?: string | undefined | null): boolean
  /** Replaces the table of slots, as JSON. */
  setSlots(slot: number, table: string, actor?: string | undefined | null, reason?: string | undefined | null): boolean
  /** Sets the concurrency limit. */
  setLimit(slot: number, to: number, actor?: string | undefined | null, reason?: string | undefined | null): boolean
  /** Sets the rate, or a window's limit. */
  setRate(slot: number, to: number, actor?: string | undefined | null, reason?: string | undefined | null): boolean
  /** Ends the breaker's life; whether it lived. */
  close(slot: number, actor?: string | undefined | null, reason?: string | undefined | null): boolean
  /** Gives memory for the lane counters of the next slots. */
  addChunk(chunk: ArrayBuffer): void
  /**
   * Gives a breaker a lane, if its cell lies in a slab and there is a counter for the slot; tells the slab and the
   * cell's first word there, as `slab * 2^32 + word`.
   */
  openLane(slot: number): number | null
  /** A slab as an array buffer; `None` where the runtime does not allow memory that is not its own. */
  slab(number: number): ArrayBuffer | null
  /** Builds a breaker; answers its slot. With `registry`, the one of that name there. */
  create(name: string, document: string, clock?: NativeClock | undefined | null, registryName?: string | undefined | null): number
  /** The breaker of that name in a registry; answers its slot. */
  find(registryName: string, name: string): number | null
  /** Takes a breaker out of a registry. */
  remove(registryName: string, name: string): boolean
  /** Whether a registry has a breaker of that name. */
  has(registryName: string, name: string): boolean
  /** How many breakers a registry has. */
  size(registryName: string): number
  /** Swaps the document of the breaker of that name in a registry; `false` when it is the same. */
  reconfigureByName(registryName: string, name: string, document: string, actor?: string | undefined | null, reason?: string | undefined | null): boolean
  /** The names in a registry, sorted. */
  names(registryName: string): Array<string>
  /** The metrics of a registry. */
  registryMetrics(registryName: string): string
  /** The metrics of breakers, by slot. */
  metrics(slots: Array<number>): string
  /** Whether two slots hold the same breaker. */
  isSame(slot: number, other: number): boolean
  /** Lets go of a breaker. */
  release(slot: number): void
  /** Takes up a call whose first attempt, in the scratch, has ended as more than a success; answers its place. */
  takeUp(isLane: boolean, lasted: number): number
  /** Tells the breaker's budget of what the lane has admitted, as of now. */
  foldLane(slot: number): void
  /** As `settleAttempt`, for a failure whose type has no number. */
  settleAttemptFailed(errorType: string): void
  /**
   * Goes on with a call, through the scratch: after a wait, or to hear the same once more. It may ask the breaker, so what
   * the lane has not used of its grant is given back before.
   */
  goOn(place: number): void
  /** Tells whether the rung has answered, and goes on. */
  answered(place: number, hasAnswered: boolean): void
  /** By which ways the breaker's calls go. */
  ways(slot: number): number
  /** Which rung is to answer. */
  rung(): string
  /** The rungs of a breaker, in their order. */
  rungs(slot: number): Array<string>
  /**
   * Throws when a rung may not go through the breaker in slot `to`: it is one of those that are in the middle of asking a
   * rung in the same call.
   */
  checkDescent(asking: Array<number>, to: number): void
  /** How the call ended that ended last, as JSON. */
  finished(): string | null
  /** Which use of its place a call is. */
  courseTurn(place: number): number
  /**
   * Gives a call up: the permit of an attempt that is under way is dropped, or settled as timed out. With `turn`, only
   * if it is still that use of its place.
   */
  giveUp(place: number, timedOut: boolean, turn?: number | undefined | null): void
  /**
   * Has the attempt that is under way keep its slot when the call is given up, or another attempt has answered first; 1 +
   * the code of the slot, 0 when it has none.
   */
  keepSlot(place: number): number
  /** The same of the permit in the scratch, which lies there without its slot then. */
  keepSlotOf(slot: number): number
  /** Gives a slot back that an attempt has kept, which nobody has waited for. */
  giveBack(slot: number, code: number): void
  /** Reports how busy this process is, 0 to 1. */
  setUtilisation(slot: number, to: number): void
}

/** The version of the package that this library belongs to. */
export declare const VERSION: string

/** The version of the rules of lanes. */
export declare const LANE_VERSION: number

/** Where the high half of a closed breaker's word counts consecutive failures. */
export declare const COUNT_MASK: number

/** The version of the cell's layout. */
export declare const LAYOUT_VERSION: number

/** The JSON schema of the configuration document. */
export declare function schema(): string

/** The media type of the metrics text. */
export declare const CONTENT_TYPE: string

/** The error type of calls cut off by a timeout. */
export declare const TIMEOUT: string

/** What a call says that took longer than so many nanoseconds. */
export declare function timeoutMessage(breaker: string, nanos: number): string

/** What a rejection says. */
export declare function rejectionMessage(breaker: string, reason: string, nanos?: number | undefined | null): string
