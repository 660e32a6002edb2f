/** What the conformance suites share: the adapter's clock and the error of a refused call. */
import { ReactorError } from "../../src/core/errors.ts";

export interface OpenedClock {
  /**
   * Lets the clock the adapter goes by pass: a virtual clock moves, a database adapter moves the
   * stored times back by as much, which is the same to every statement.
   */
  advance(ms: number): Promise<void>;
}

/** The `ReactorError` a call ends in; anything else fails the test. */
export async function failure(call: Promise<unknown> | (() => unknown)): Promise<ReactorError> {
  try {
    await (typeof call === "function" ? call() : call);
  } catch (error) {
    if (error instanceof ReactorError) return error;
    throw error;
  }
  throw new Error("the call was expected to fail, and did not");
}
