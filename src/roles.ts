/**
 * The roles this program plays when it starts itself as a child process: the first argument names the
 * role, the module is loaded only then, so a child carries nothing of the server.
 */

/** A role's module: runs to its end; the process lives as long as its event loop does. */
interface RoleModule {
  readonly runRole: (args: readonly string[]) => void | Promise<void>;
}

const ROLES: Readonly<Record<string, () => Promise<RoleModule>>> = {
  __jail: () => import("./runtime/jail/enter-jail.ts"),
  "__fn-runner": () => import("./runtime/bun/runner/runner.ts"),
  "__program-host": () => import("./runtime/lambda/host/host.ts"),
  __program: () => import("./runtime/jail/enter-program.ts"),
  "__wasm-host": () => import("./runtime/wasm/host/host.ts"),
  "__pg-shim": () => import("./postgres/embedded/shim.ts"),
  "__pg-unpack": () => import("./postgres/embedded/unpack-role.ts"),
};

/** Plays the role that `argv` asks for; false when it asks for none. Throws for an unknown role. */
export async function playRole(argv: readonly string[]): Promise<boolean> {
  const [name, ...args] = argv;
  if (!name?.startsWith("__")) return false;
  const load = ROLES[name];
  if (!load) throw new Error(`unknown role ${name}`);
  const role = await load();
  await role.runRole(args);
  return true;
}
