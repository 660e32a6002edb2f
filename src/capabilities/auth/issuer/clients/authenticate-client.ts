/**
 * Who asks at the token, introspection, revocation and device endpoints (RFC 6749 §2.3): a secret by
 * Basic or in the body, or no secret for a public client. Which of the two a confidential client
 * was registered for is not held against it: libraries choose for their users, and neither is weaker.
 * Unknown clients and wrong secrets are answered alike.
 */
import { isUuid } from "../../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../../auth-state.ts";
import { oauthErrors } from "../errors.ts";
import type { Params } from "../read-form.ts";
import type { AuthMethod, ClientRow } from "../schema.ts";
import { isSecretOf } from "./client-secret.ts";
import { clientStore } from "./client-store.ts";

interface Sent {
  readonly id: string;
  readonly secret: string;
  readonly method: AuthMethod;
}

const BASIC = /^basic +([A-Za-z0-9+/]+=*)$/i;

/** @throws invalid_client, invalid_request (two ways at once) */
export async function authenticateClient(
  state: AuthState,
  caller: Caller,
  request: Request,
  params: Params,
): Promise<ClientRow> {
  const authorization = request.headers.get("authorization") ?? "";
  const isBasic = /^basic\b/i.test(authorization);
  const sent = isBasic ? readBasic(authorization, params) : readBody(params);
  const client = isUuid(sent.id) ? await clientStore(state.sql(caller.tenant)).find(sent.id) : null;
  const fits = isSecretOf(sent.secret, client?.client_secret_hash ?? null);
  const isPublic = client?.client_type === "public";
  const isProven = isPublic ? sent.method === "none" : fits;
  if (!client || !isProven) throw oauthErrors.invalid_client(isBasic);
  return client;
}

function readBody(params: Params): Sent {
  const secret = params.get("client_secret");
  const method = secret === "" ? "none" : "client_secret_post";
  return { id: params.get("client_id"), secret, method };
}

/** Both halves are form-encoded before they are joined (RFC 6749 §2.3.1). */
function readBasic(header: string, params: Params): Sent {
  if (params.get("client_secret") !== "") {
    throw oauthErrors.invalid_request("The client authenticates in two ways");
  }
  const pair = Buffer.from(BASIC.exec(header)?.[1] ?? "", "base64").toString("utf8");
  const at = pair.indexOf(":");
  if (at < 0) throw oauthErrors.invalid_client(true);
  const id = formDecode(pair.slice(0, at));
  const secret = formDecode(pair.slice(at + 1));
  const named = params.get("client_id");
  if (named !== "" && named !== id) {
    throw oauthErrors.invalid_request("client_id is another than the Authorization header's");
  }
  return { id, secret, method: "client_secret_basic" };
}

function formDecode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    // Not encoded as it should be: it is nobody's secret.
    throw oauthErrors.invalid_client(true);
  }
}
