/**
 * Many users on few connections under row security, against a model of who may see what:
 * `bun run campaign row-security [--users 1000] [--requests 200000] [--connections 4] [--own] [--seed …]`;
 * `--own` is a server of ours, where reads share transactions, in place of one on a foreign database.
 */
import { parseArgs } from "node:util";
import { checkRowSecurity } from "../conformance/data/properties/check-row-security.ts";

const { values } = parseArgs({
  options: {
    users: { type: "string", default: "1000" },
    requests: { type: "string", default: "200000" },
    connections: { type: "string", default: "4" },
    own: { type: "boolean", default: false },
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
  },
});

console.log(`seed ${values.seed}`);
const { requests, kinds, faults } = await checkRowSecurity({
  users: Number(values.users),
  requests: Number(values.requests),
  connections: Number(values.connections),
  atOnce: 64,
  seed: Number(values.seed),
  own: values.own,
  onProgress: (done) => {
    if (done % 20_000 === 0) console.log(`${done} requests`);
  },
});
for (const [kind, count] of Object.entries(kinds)) console.log(`  ${kind}: ${count}`);
for (const fault of faults) console.log(fault);
console.log(`${requests} requests of ${values.users} users, ${faults.length} leaks or losses`);
process.exit(faults.length === 0 ? 0 : 1);
