/** The end of a sign-in that came back to us in a browser: from the identity to the app's address. */
import type { AuthState, Caller } from "../auth-state.ts";
import type { ProviderTokens } from "../flows/flow-code.ts";
import { finishFlow } from "../flows/flow-state.ts";
import { type SignedIn, signInByFlow } from "../flows/sign-in-by-flow.ts";
import type { ExternalIdentity } from "../identities/external-identity.ts";
import { linkIdentity, tellOfLink } from "../identities/link-identity.ts";
import { admitIdentity, signInWithIdentity } from "../identities/sign-in-identity.ts";
import { tokenAnswer } from "../sessions/issue-session.ts";
import { inTransaction } from "../store.ts";
import { withCode, withSession } from "./answer-url.ts";

export interface Arrival {
  readonly identity: ExternalIdentity;
  /** The session's `amr`. */
  readonly method: "oauth" | "sso/saml";
  /** The client's PKCE flow; null: the implicit flow. */
  readonly flowId: string | null;
  /** Where the browser goes; allowed. */
  readonly target: string;
  /** Null where the provider gives none. */
  readonly tokens: ProviderTokens | null;
  /** When the provider wants the session ended, milliseconds since the epoch; absent or null = never. */
  readonly sessionEndsAtMs?: number | null;
}

/** Signs the person in, or makes them; the address with the code or the session. */
export async function enterApp(
  state: AuthState,
  caller: Caller,
  { identity, method, flowId, target, tokens, sessionEndsAtMs }: Arrival,
): Promise<string> {
  const { provider } = identity;
  const endsAtMs = sessionEndsAtMs ?? null;
  const admission = await admitIdentity(state, caller, identity);
  const done = await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const person = await signInWithIdentity(state, store, tx, caller, identity, admission);
    const { user } = person;
    if (person.outcome === "linked") await tellOfLink(state, caller, tx, user, provider);
    if (flowId !== null) {
      const load = { tokens, endsAtMs };
      return { ...person, code: await finishFlow(state, tx, flowId, user.id, load) };
    }
    return {
      ...person,
      session: await signInByFlow(state, store, caller, user, { method, provider, endsAtMs }),
    };
  });
  if (done.outcome === "linked") state.outbox.wake(caller.tenant);
  if ("code" in done) return withCode(target, done.code);
  return answerSession(state, caller, target, done.session, tokens);
}

/** Links the identity to the person who asked; the address with the code or the session. */
export async function linkInApp(
  state: AuthState,
  caller: Caller,
  { identity, method, flowId, target, tokens }: Arrival,
  userId: string,
): Promise<string> {
  const sql = state.sql(caller.tenant);
  if (flowId !== null) {
    // Linked when the client that asked for it shows its verifier: see `grantPkce`.
    const load = { tokens, link: identity };
    return withCode(target, await finishFlow(state, sql, flowId, userId, load));
  }
  const { provider } = identity;
  const session = await inTransaction(sql, async (store, tx) => {
    const user = await linkIdentity(state, store, tx, caller, userId, identity);
    await tellOfLink(state, caller, tx, user, provider);
    return signInByFlow(state, store, caller, user, { method, provider });
  });
  state.outbox.wake(caller.tenant);
  return answerSession(state, caller, target, session, tokens);
}

async function answerSession(
  state: AuthState,
  caller: Caller,
  target: string,
  { user, identities, issued }: SignedIn,
  tokens: ProviderTokens | null,
): Promise<string> {
  const answer = await tokenAnswer(state, caller, user, identities, issued);
  return withSession(target, answer, tokens);
}
