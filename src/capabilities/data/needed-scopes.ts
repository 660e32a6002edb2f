/**
 * What a request does, as permissions (`core/permissions.ts`): `data:<table>:read`, `insert`, `update`,
 * `delete` and `data:<function>:call`, for every table it reaches, embedded ones and the junctions
 * between included. API keys are asked for all of them. As in PostgreSQL, choosing rows by their
 * columns and giving rows back is reading.
 */
import { coreErrors } from "../../core/errors.ts";
import { permits } from "../../core/permissions.ts";
import type { Principal } from "../../core/ports/auth.ts";
import type { WriteKind } from "./compile/compile-write.ts";
import type { Preferences } from "./parse/prefer.ts";
import type { EmbedNode, ReadNode } from "./plan/read-plan.ts";

interface Named {
  readonly schema: string;
  readonly name: string;
}

/** The name alone in `public`, where it cannot be taken for another schema's. */
function resourceOf({ schema, name }: Named): string {
  return schema === "public" && !name.includes(".") ? name : `${schema}.${name}`;
}

export const scopeOf = (what: Named, action: string) => `data:${resourceOf(what)}:${action}`;

export function readScopes(node: ReadNode): string[] {
  return [...new Set([scopeOf(node.table, "read"), ...embedScopes(node)])];
}

/** Of what is embedded below the root, whatever the root is. */
export function embedScopes(node: ReadNode): string[] {
  return node.embeds.flatMap(({ relationship, node: inner }: EmbedNode) => {
    const junction = relationship.kind === "computed" ? null : relationship.junction;
    return [...(junction ? [scopeOf(junction.table, "read")] : []), ...readScopes(inner)];
  });
}

export function writeScopes(
  node: ReadNode,
  kind: WriteKind,
  { return: returned, resolution }: Pick<Preferences, "return" | "resolution">,
): string[] {
  const writes = actionsOf(kind, resolution).map((action) => scopeOf(node.table, action));
  const isChosen = kind !== "put" && node.where.length > 0;
  if (returned === "representation") return [...writes, ...readScopes(node)];
  return isChosen ? [...writes, scopeOf(node.table, "read"), ...embedScopes(node)] : writes;
}

function actionsOf(kind: WriteKind, resolution: Preferences["resolution"]): string[] {
  if (kind === "put") return ["insert", "update"];
  if (kind === "insert" && resolution === "merge-duplicates") return ["insert", "update"];
  return [kind];
}

/** @throws insufficient_scope */
export function requireScopes(principal: Principal, needed: readonly string[]): void {
  if (principal.scopes === undefined) return;
  const missing = needed.find((one) => !permits(principal, one));
  if (missing !== undefined) throw coreErrors.insufficient_scope(missing);
}
