/**
 * `grant_type=urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 §3.4): a device asks whether
 * its person has decided, no more often than it was told.
 */
import type { AuthState, Caller } from "../auth-state.ts";
import { givenApproval } from "../issuer/authorize/approval.ts";
import { oauthErrors } from "../issuer/errors.ts";
import type { Params } from "../issuer/read-form.ts";
import type { ClientRow, DeviceRow } from "../issuer/schema.ts";
import { hashCode } from "../issuer/token/authorization-code.ts";
import { type OAuthAnswer, oauthAnswer } from "../issuer/token/oauth-answer.ts";
import { type ClientSession, startClientSession } from "../issuer/token/session-grant.ts";
import { inTransaction } from "../store.ts";
import { deviceStore } from "./device-store.ts";

const METHOD = "oauth_provider/device_code";
/** Added to the interval of a device that asks too often (§3.5). */
const SLOWER_S = 5;

/** Refusals are returned, not thrown: the transaction keeps when the device asked. */
type Refusal =
  | "authorization_pending"
  | "slow_down"
  | "expired_token"
  | "access_denied"
  | "invalid_grant";
type Outcome = ClientSession | Refusal;

/** @throws authorization_pending, slow_down, access_denied, expired_token, invalid_grant */
export async function grantDevice(
  state: AuthState,
  caller: Caller,
  client: ClientRow,
  params: Params,
): Promise<OAuthAnswer> {
  const code = params.get("device_code");
  if (code === "") throw oauthErrors.invalid_request("device_code is required");
  const outcome = await inTransaction(
    state.sql(caller.tenant),
    async (store, tx): Promise<Outcome> => {
      const devices = deviceStore(tx);
      const row = await devices.lockByDeviceCode(hashCode(code));
      if (!row || row.client_id !== client.id || row.status === "exchanged") return "invalid_grant";
      if (row.status === "expired" || row.expires_at <= state.now()) return "expired_token";
      if (row.status === "denied") return "access_denied";
      if (row.status === "pending") return poll(state, devices, row);
      const approval = givenApproval(row);
      if (!approval) return "invalid_grant";
      const given = await startClientSession(
        state,
        store,
        tx,
        caller,
        client,
        row,
        approval,
        METHOD,
      );
      if (!given) return "access_denied";
      await devices.markExchanged(row.id, given.session.id);
      return given;
    },
  );
  if (typeof outcome === "string") throw refusal(outcome);
  return oauthAnswer(state, caller, outcome, null);
}

async function poll(
  state: AuthState,
  devices: ReturnType<typeof deviceStore>,
  row: DeviceRow,
): Promise<Refusal> {
  const now = state.now();
  const earliest = row.polled_at ? row.polled_at.getTime() + row.interval_s * 1000 : 0;
  const isTooSoon = now.getTime() < earliest;
  await devices.markPolled(row.id, row.interval_s + (isTooSoon ? SLOWER_S : 0), now);
  return isTooSoon ? "slow_down" : "authorization_pending";
}

function refusal(code: Refusal) {
  if (code === "access_denied") return oauthErrors.access_denied("The person denied the request");
  if (code === "invalid_grant") return oauthErrors.invalid_grant("The device code is not valid");
  return oauthErrors[code]();
}
