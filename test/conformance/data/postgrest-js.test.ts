/** An unchanged `@supabase/postgrest-js` against the whole server from source. */
import { setDefaultTimeout } from "bun:test";
import { openHarbour } from "./harbour.ts";
import { runPostgrestJs } from "./run-postgrest-js.ts";

setDefaultTimeout(60_000);

runPostgrestJs(openHarbour);
