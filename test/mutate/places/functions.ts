/** Functions: who may call and manage them, and what they are told and given. */
import type { Mutation } from "../mutation.ts";

const FORWARD = {
  file: "src/capabilities/functions/forward-request.ts",
  tests: ["src/capabilities/functions/forward-request.test.ts"],
};
const INVOKE = {
  file: "src/capabilities/functions/invoke-function.ts",
  tests: ["test/functions/calls.test.ts"],
};

export const functions: readonly Mutation[] = [
  {
    ...FORWARD,
    name: "function: the client speaks as the server",
    find: "if (name.startsWith(OWN_PREFIX) || name.startsWith(PROXY_PREFIX)) headers.delete(name);",
    replace: "if (name.startsWith(PROXY_PREFIX)) headers.delete(name);",
    why: "X-Reactor-* from outside is believed",
  },
  {
    ...FORWARD,
    name: "function: the client writes who is calling",
    find: 'headers.set("x-reactor-auth", authHeader(principal));',
    replace: 'headers.set("x-reactor-auth", sent.get("x-reactor-auth") ?? authHeader(principal));',
    why: "anybody is the service role to a function",
  },
  {
    ...FORWARD,
    name: "function: it is given the caller's credentials",
    find: "if (!found.forwardAuthorization) for",
    replace: "if (found.forwardAuthorization) for",
    why: "code that did not ask for tokens can log and send them",
  },
  {
    ...INVOKE,
    name: "function: verify_jwt is not kept",
    find: "if (found.verifyJwt && !bearer && !apikey) {",
    replace: "if (found.name === null) {",
    only: "needs a credential unless it is open",
    why: "a closed function answers everybody",
  },
  {
    ...INVOKE,
    name: "function: a bad credential counts as none",
    find: "const isOwnScheme = !found.verifyJwt && found.forwardAuthorization;",
    replace: "const isOwnScheme = true;",
    only: "needs a credential unless it is open",
    why: "a forged token calls a closed function",
  },
  {
    name: "function: managed by everybody",
    file: "src/capabilities/functions/require-service-role.ts",
    find: 'if (role !== "service_role") throw functionsErrors.service_role_required(role);',
    replace: "",
    tests: ["test/functions/calls.test.ts"],
    only: "is for the secret key",
    why: "anybody reads logs, rolls back and deletes",
  },
  {
    name: "function: code that is not what was announced",
    file: "src/capabilities/functions/create-deployer.ts",
    find: "if (hashOf(code) !== item.sha256) throw functionsErrors.code_mismatch(item.name);",
    replace: "",
    tests: ["test/functions/calls.test.ts"],
    only: "code that is damaged",
    why: "damaged or swapped code runs",
  },
  {
    name: "function: a secret is written where rows are",
    file: "src/capabilities/functions/variables.ts",
    find: 'await vault.put(tenant, pathOf({ owner, kind, name }), changes[name] ?? "");',
    replace: "",
    tests: ["test/functions/variables.test.ts"],
    only: "takes effect with the next call",
    why: "a secret that was set is not there",
  },
  {
    name: "function: the body of a stranger is read",
    file: "src/capabilities/functions/admin/routes.ts",
    find: "    await requireServiceRole(contextOf(request), request.headers);\n    return readJsonObject",
    replace: "    return readJsonObject",
    tests: ["test/functions/promotion.test.ts"],
    only: "refused before their body",
    why: "anybody makes the server hold 16 MiB",
  },
  {
    name: "function: the server's environment",
    file: "src/runtime/child.ts",
    find: "    env: { ",
    replace: "    env: { ...process.env, ",
    tests: ["test/runtime/bun-runtime.test.ts"],
    only: "environment is its own",
    why: "user code reads the server's secrets",
  },
  {
    name: "function: names of a module's variables are free",
    file: "src/runtime/wasm/extism-imports.ts",
    find: "Buffer.byteLength(key) + value.length",
    replace: "value.length",
    tests: ["test/runtime/wasm-runtime.test.ts"],
    only: "names of variables count",
    why: "a module fills the memory of the process it shares with others",
  },
  {
    name: "function: variables of one call reach the next in isolation",
    file: "src/runtime/wasm/host/module-store.ts",
    find: "const vars: Vars = fresh ? new Map() : kept;",
    replace: "const vars: Vars = kept;",
    tests: ["test/runtime/wasm-runtime.test.ts"],
    only: "outlive a trap",
    why: "one caller's data is left to the next one's",
  },
];
