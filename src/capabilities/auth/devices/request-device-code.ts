/**
 * `POST /oauth/device_authorization` (RFC 8628 §3.1): a device without a browser asks for a code
 * which a person types on another one.
 */
import type { AuthState, Caller } from "../auth-state.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { authenticateClient } from "../issuer/clients/authenticate-client.ts";
import { oauthErrors } from "../issuer/errors.ts";
import { baseOf, issuerAddress } from "../issuer/issuer-address.ts";
import type { Params } from "../issuer/read-form.ts";
import { readResource } from "../issuer/resources.ts";
import { DEVICE_GRANT } from "../issuer/schema.ts";
import { grantableScope } from "../issuer/scopes.ts";
import { hashCode, newCode } from "../issuer/token/authorization-code.ts";
import { agentOf, ipOf } from "../sessions/issue-session.ts";
import { deviceStore } from "./device-store.ts";
import { newUserCode } from "./user-code.ts";

/** RFC 8628 §3.2. */
export interface DeviceAuthorization {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete: string;
  /** Seconds. */
  readonly expires_in: number;
  /** Seconds between two polls, at least. */
  readonly interval: number;
}

const INTERVAL_S = 5;
/** Two of 25.6 thousand million codes are rarely alike. */
const TRIES_MAX = 5;

/** @throws invalid_client, unauthorized_client, invalid_scope, invalid_target */
export async function requestDeviceCode(
  state: AuthState,
  caller: Caller,
  request: Request,
  params: Params,
  origin: string,
): Promise<DeviceAuthorization> {
  const { config, deps } = state;
  const { oauth_server: settings } = config;
  await limitByAddress(state, caller, "oauth_device", settings.rate_limit_device);
  const client = await authenticateClient(state, caller, request, params);
  if (!client.grant_types.includes(DEVICE_GRANT)) {
    throw oauthErrors.unauthorized_client("The client may not use device codes");
  }
  const issuer = issuerAddress(await deps.project(caller.tenant), origin);
  const fallback = client.scope ?? settings.default_scope;
  const now = state.now();
  const row = {
    client_id: client.id,
    scope: grantableScope(config, client, params.get("scope"), fallback),
    resource: readResource(config, issuer, params.get("resource")),
    issuer,
    ip: ipOf(caller),
    user_agent: agentOf(caller),
    interval_s: INTERVAL_S,
    created_at: now,
    expires_at: new Date(now.getTime() + settings.device_code_ttl_s * 1000),
  };
  const deviceCode = newCode(deps.rng);
  const userCode = await insertOne(state, caller, row, deviceCode);
  const page = `${baseOf(issuer)}/auth/ui/device`;
  return {
    device_code: deviceCode,
    user_code: userCode,
    verification_uri: page,
    verification_uri_complete: `${page}?user_code=${userCode}`,
    expires_in: settings.device_code_ttl_s,
    interval: INTERVAL_S,
  };
}

type Draft = Omit<
  Parameters<ReturnType<typeof deviceStore>["insert"]>[0],
  "id" | "device_code_hash" | "user_code_hash"
>;

async function insertOne(
  state: AuthState,
  caller: Caller,
  row: Draft,
  deviceCode: string,
): Promise<string> {
  const store = deviceStore(state.sql(caller.tenant));
  for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
    const userCode = newUserCode(state.deps.rng);
    const hashes = { device_code_hash: hashCode(deviceCode), user_code_hash: hashCode(userCode) };
    if (await store.insert({ ...row, ...hashes, id: state.deps.ids.uuid() })) return userCode;
  }
  throw new Error("no device code is free");
}
