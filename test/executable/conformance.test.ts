/** The conformance rows against the compiled executable, with its own PostgreSQL. */
import { openExecutableHarbour } from "../conformance/data/harbour.ts";
import { runVariants } from "../conformance/data/run-rows.ts";
import { variants } from "../conformance/data/variants.ts";
import { executableBench } from "../support/executable-bench.ts";

const bench = executableBench("shared");

runVariants(
  () => openExecutableHarbour(bench.folder(), (cwd, args) => bench.start(cwd, args)),
  variants,
);
