/** The result of compiling one request shape; what the SQL cache holds. */
import type { Slot } from "../parse/tree.ts";
import type { Table } from "../schema/schema.ts";

/** Pseudo-slot of the request body. */
export const BODY_SLOT: Slot = -1;

export interface CompiledRequest {
  readonly sql: string;
  /** Parameter `$n` takes the value of `slots[n - 1]`. */
  readonly slots: readonly Slot[];
  /** Runs after it, and tells how many rows the planner expects: for planned and estimated counts. */
  readonly countPlan: CompiledStatement | null;
  /** Touched tables whose rows no policy guards; empty in the good case. */
  readonly unprotected: readonly Table[];
  /** Permissions that an API key needs for it. */
  readonly scopes: readonly string[];
  /** Its row has no count: the body is NULL when there is no row. */
  readonly isOneRow?: boolean;
  /** Value of the answer's header `Warning`. */
  readonly warning: string | null;
}

export interface CompiledStatement {
  readonly sql: string;
  readonly slots: readonly Slot[];
}

/** Hands out parameter numbers for slots while SQL is written. */
export class Binder {
  readonly slots: Slot[] = [];

  /** `$n` for a slot; the same slot keeps its number, so that a repeated condition binds once. */
  bind(slot: Slot): string {
    const known = this.slots.indexOf(slot);
    if (known >= 0) return `$${known + 1}`;
    return `$${this.slots.push(slot)}`;
  }
}
