/**
 * The environment that a version was deployed with, in the vault: its row holds names alone. Written
 * before the version, read when a process is made, gone with the version.
 */
import { type FunctionSettings, secretReference } from "../../core/function-settings.ts";
import type { Vault } from "../../core/ports/vault.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import type { FunctionVersion } from "./function-version.ts";

const PREFIX = "functions/deployed/";

/** What the vault takes for one secret, less the names' quotes. */
export const ENV_BYTES_MAX = 60_000;

const pathOf = (name: string, version: string) => `${PREFIX}${name}/${version}`;

type Texts = Readonly<Record<string, string>>;

/** References to secrets are no secrets: they stay readable in the row. */
function literals(env: Texts): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(([, text]) => secretReference(text) === null),
  );
}

/** Null, or why it cannot be kept. */
export function envFault({ env }: FunctionSettings): string | null {
  const isTooLarge = Buffer.byteLength(JSON.stringify(literals(env))) > ENV_BYTES_MAX;
  return isTooLarge ? `env is larger than ${ENV_BYTES_MAX} bytes` : null;
}

/** As the version's row holds it, after the values were sealed: null stands for a sealed one. */
export async function sealEnv(
  vault: Vault,
  tenant: TenantCtx,
  place: { readonly name: string; readonly version: string },
  env: Texts,
): Promise<Record<string, string | null>> {
  const sealed = literals(env);
  if (Object.keys(sealed).length > 0) {
    await vault.putIfAbsent(tenant, pathOf(place.name, place.version), JSON.stringify(sealed));
  }
  return Object.fromEntries(
    Object.entries(env).map(([name, text]) => [name, name in sealed ? null : text]),
  );
}

/** With the sealed values in their places. @throws an Error when they are gone */
export async function openEnv(
  vault: Vault,
  tenant: TenantCtx,
  name: string,
  { version, env }: FunctionVersion,
): Promise<Texts> {
  const entries = Object.entries(env);
  if (!entries.some(([, text]) => text === null)) return env as Texts;
  const secret = await vault.get(tenant, pathOf(name, version));
  if (!secret) throw new Error(`the environment of ${name} is not in the vault; deploy it again`);
  const opened = JSON.parse(secret.value) as Texts;
  return Object.fromEntries(entries.map(([key, text]) => [key, text ?? opened[key] ?? ""]));
}

/** A version that may be gone, and how to do something while it is. */
type WhileWithout = (name: string, version: string, work: () => Promise<unknown>) => Promise<void>;

/**
 * Drops what belongs to no version any more. A deploy seals before its version can be seen, so each
 * is looked at again while no deploy of that function runs.
 *
 * @param readKept `<name>/<version>` of every version
 */
export async function sweepSealedEnv(
  vault: Vault,
  tenant: TenantCtx,
  readKept: () => Promise<ReadonlySet<string>>,
  whileWithout: WhileWithout,
): Promise<void> {
  const paths = await vault.list(tenant, PREFIX);
  if (paths.length === 0) return;
  const kept = await readKept();
  for (const path of paths) {
    const key = path.slice(PREFIX.length);
    const [name = "", version = ""] = key.split("/");
    if (kept.has(key)) continue;
    await whileWithout(name, version, () => vault.delete(tenant, path));
  }
}
