/** The conformance rows against `data` alone on a database of somebody else's, as PostgREST runs. */
import { setDefaultTimeout } from "bun:test";
import { openPlainHarbour } from "./harbour.ts";
import { runVariants } from "./run-rows.ts";
import { plainVariants, variants } from "./variants.ts";

setDefaultTimeout(60_000);

runVariants(openPlainHarbour, [...variants, ...plainVariants]);
