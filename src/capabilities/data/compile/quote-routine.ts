/** Names of functions as parameters of the configuration give them: `name` or `schema.name`. */
import { quoteIdent } from "./quote.ts";

/** Quoted; without a schema it is looked for in the search path. */
export function quoteRoutine(name: string): string {
  const dot = name.indexOf(".");
  if (dot < 0) return quoteIdent(name);
  return `${quoteIdent(name.slice(0, dot))}.${quoteIdent(name.slice(dot + 1))}`;
}
