/**
 * One invocation of a WASM function across its tries: what it carries, where it is now, and how it is
 * ended early (deadline, client gone) or moved to another host.
 */
import type { FunctionCall } from "../../core/ports/function-runtime.ts";
import { LazyAbort } from "../lazy-abort.ts";
import type { Lane, LaneCall } from "./lane.ts";

/** Reason of an abort that moves a call from a host that is busy with another one. */
export const MOVED = Symbol("moved to another host");

export class WasmRun {
  readonly call: FunctionCall;
  /** Milliseconds since the epoch. */
  readonly deadlineAt: number;
  input: Uint8Array<ArrayBuffer> = new Uint8Array();
  /** Of the present try; replaced when the call moves. */
  controller = new LazyAbort();
  /** Why the caller left; null while it waits. */
  ended: unknown = null;
  #lane: Lane | null = null;
  #laneCall: LaneCall | null = null;
  #over = false;
  readonly #cancelDeadline: () => void;

  /** `arm` starts the deadline and returns its cancellation. */
  constructor(call: FunctionCall, deadlineAt: number, arm: (run: WasmRun) => () => void) {
    this.call = call;
    this.deadlineAt = deadlineAt;
    this.#cancelDeadline = arm(this);
  }

  /** The caller gets this error; the host is not told more than that nobody waits. */
  abort(reason: unknown): void {
    this.ended ??= reason;
    this.controller.abort(reason);
  }

  /** Time is up. The host stops the call by itself; a host that cannot is ended. */
  overrun(reason: unknown): void {
    this.abort(reason);
    if (this.#laneCall) this.#lane?.overran(this.#laneCall, this.call.requestId);
  }

  given(lane: Lane, laneCall: LaneCall): void {
    this.#lane = lane;
    this.#laneCall = laneCall;
  }

  /** The host is through with this try. */
  settled(laneCall: LaneCall): void {
    if (this.#laneCall !== laneCall) return;
    this.#laneCall = null;
    if (this.#over) this.#cancelDeadline();
  }

  /** The caller has its answer. A call that still runs in a host keeps its deadline. */
  finish(): void {
    this.#over = true;
    if (this.#laneCall === null) this.#cancelDeadline();
  }
}
