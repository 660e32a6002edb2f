/** `reactor whoami` through the `ssh` that PATH finds; run by target.test.ts. */
import { createBench } from "./fake-host.ts";

const bench = createBench();
const { FAKE_URL = "", FAKE_TOKEN = "" } = process.env;
const argv = ["whoami", "--url", FAKE_URL, "--token", FAKE_TOKEN, "--tunnel", "ssh://me@there"];
const { exit, stdout } = await bench.run(argv);
bench.remove();
process.stdout.write(stdout);
process.exitCode = exit;
