/** The conformance rows against the whole server from source. */
import { setDefaultTimeout } from "bun:test";
import { openHarbour } from "./harbour.ts";
import { runVariants } from "./run-rows.ts";
import { variants } from "./variants.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

runVariants(openHarbour, variants);
