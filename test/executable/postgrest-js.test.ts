/** An unchanged `@supabase/postgrest-js` against the compiled executable, with its own PostgreSQL. */
import { openExecutableHarbour } from "../conformance/data/harbour.ts";
import { runPostgrestJs } from "../conformance/data/run-postgrest-js.ts";
import { executableBench } from "../support/executable-bench.ts";

const bench = executableBench("shared");

runPostgrestJs(() => openExecutableHarbour(bench.folder(), (cwd, args) => bench.start(cwd, args)));
