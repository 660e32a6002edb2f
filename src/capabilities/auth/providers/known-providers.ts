/**
 * Reads `known-providers.txt`: facts of providers, so that `[auth.providers.github]` needs no more
 * than a client id and secret.
 */
import text from "./known-providers.txt" with { type: "text" };

export type ClientAuth = "basic" | "post" | "public";
export type Pkce = "s256" | "plain" | "none";

/** Where a provider says who somebody is. */
export type PersonSource =
  | { readonly kind: "url"; readonly url: string; readonly method: "GET" | "POST" }
  | { readonly kind: "graphql"; readonly url: string; readonly query: string }
  | { readonly kind: "token" };

/** One block. URLs may hold `{url}`, `{domain}`, `{tenant}`, `{server}`, with `=default`. */
export interface KnownProvider {
  readonly name: string;
  readonly authorizeUrl: string;
  readonly authorizeParams: Readonly<Record<string, string>>;
  readonly tokenUrl: string;
  readonly clientAuth: ClientAuth;
  readonly pkce: Pkce;
  /** Null: no OpenID Connect. */
  readonly issuer: string | null;
  /** Null with an issuer: the id token says it. */
  readonly person: PersonSource | null;
  readonly emailsUrl: string | null;
  /** Our claim -> path, see `read-claims.ts`. */
  readonly claims: Readonly<Record<string, string>>;
  readonly scopes: readonly string[];
  readonly flags: Readonly<Record<string, string>>;
}

/** Name and other names -> block. */
export function readKnownProviders(source: string = text): ReadonlyMap<string, KnownProvider> {
  const blocks = source
    .replace(/^#.*$/gm, "")
    .split(/\n\s*\n/)
    .filter((block) => block.trim() !== "");
  const all = blocks.flatMap((block) => {
    const [head = "", ...lines] = block.trim().split("\n");
    const names = head.split(" ");
    const known = readBlock(names[0] ?? "", lines);
    return names.map((name) => [name, known] as const);
  });
  return new Map(all);
}

function readBlock(name: string, lines: readonly string[]): KnownProvider {
  const words = new Map(
    lines.map((line) => {
      const [key = "", ...rest] = line.trim().split(" ");
      return [key, rest] as const;
    }),
  );
  const wordsOf = (key: string) => words.get(key) ?? [];
  const [authorizeUrl = "", ...params] = wordsOf("authorize");
  const [tokenUrl = "", clientAuth = "", pkce = "none"] = wordsOf("token");
  return {
    name,
    authorizeUrl,
    authorizeParams: pairs(params),
    tokenUrl,
    clientAuth: clientAuth as ClientAuth,
    pkce: pkce as Pkce,
    issuer: wordsOf("issuer")[0] ?? null,
    person: readPerson(wordsOf("user"), wordsOf("graphql")),
    emailsUrl: wordsOf("emails")[0] ?? null,
    claims: pairs(wordsOf("claims")),
    scopes: wordsOf("scopes"),
    flags: pairs(wordsOf("flags")),
  };
}

function readPerson(user: readonly string[], graphql: readonly string[]): PersonSource | null {
  const [url = "", query = ""] = graphql;
  if (url !== "") return { kind: "graphql", url, query };
  const [first, second] = user;
  if (first === undefined) return null;
  if (first === "token") return { kind: "token" };
  if (first === "POST") return { kind: "url", url: second ?? "", method: "POST" };
  return { kind: "url", url: first, method: "GET" };
}

/** `a=b` words; a word alone is `a=`. Only the first `=` divides. */
function pairs(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      return at < 0 ? [word, ""] : [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}
