/**
 * The request that the running code belongs to, through every await: for log lines and `reactor.fetch`. A
 * function can read it, and go on in it after its end.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { CallHeader } from "../../messages.ts";

export const callScope = new AsyncLocalStorage<CallHeader>();
