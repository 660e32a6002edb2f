/** Who a channel speaks for: the token of its join or refresh, or the credential of its socket. */
import { ReactorError } from "../../../../core/errors.ts";
import type { Principal } from "../../../../core/ports/auth.ts";
import type { Session } from "./session.ts";

/** Why a token or a wish was not accepted: a code that clients know, and a sentence. */
export class Refusal extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "Refusal";
    this.code = code;
  }

  /** As `reason` of an answer has it. */
  get reason(): string {
    return `${this.code}: ${this.message}`;
  }
}

/** Tokens are longer than this only by mistake or ill will. */
const TOKEN_LENGTH_MAX = 8_192;

/**
 * An API key is proven each time, which counts as one of its requests.
 * @param token null = the socket's own credential
 * @throws Refusal
 */
export async function proveToken(session: Session, token: string | null): Promise<Principal> {
  const { room, init } = session;
  const isOwn = token === null && init.principal.keyId === undefined;
  const principal = isOwn ? init.principal : await authenticate(session, token);
  const leftMs = principal.expiresAt - room.clock.now();
  if (leftMs > 0) return principal;
  throw new Refusal("InvalidJWTToken", expiredFor(-leftMs));
}

/** The sentence that clients of Supabase know. */
export function expiredFor(ms: number): string {
  return `Token has expired ${Math.max(0, Math.floor(ms / 1000))} seconds ago`;
}

async function authenticate({ room, init }: Session, token: string | null): Promise<Principal> {
  if (token !== null && token.length > TOKEN_LENGTH_MAX) {
    throw new Refusal("MalformedJWT", "The token provided is not a valid JWT");
  }
  const bearer = token ?? init.credentials.bearer;
  try {
    return await room.auth.authenticate(init.tenant, { ...init.credentials, bearer });
  } catch (error) {
    if (!(error instanceof ReactorError) || error.status >= 500) throw error;
    if (error.status !== 401) throw new Refusal(error.code, error.details ?? error.message);
    const since = room.clock.now() - expiryOf(bearer ?? "");
    if (since >= 0) throw new Refusal("InvalidJWTToken", expiredFor(since));
    throw new Refusal("InvalidJWTToken", error.details ?? error.message);
  }
}

/** What an already refused token says of its end, to word the refusal; Infinity when it says nothing. */
function expiryOf(token: string): number {
  try {
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    const { exp } = claims as { exp?: unknown };
    return typeof exp === "number" ? exp * 1000 : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
