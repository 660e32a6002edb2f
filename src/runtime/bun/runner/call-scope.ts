/** The request that the running code belongs to, through every await: for log lines and `reactor.fetch`. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { CallHeader } from "../../messages.ts";

export const callScope = new AsyncLocalStorage<CallHeader>();
