/**
 * A person's side of a device code (RFC 8628 §3.3): who asks and from where, and their answer. Behind
 * the JSON routes and the ready device page alike. Tries are few, since a code is short.
 */
import type { TransactionSql } from "postgres";
import type { CurrentUser } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { requireAal2 } from "../factors/aal.ts";
import { limitByAddress, limitByIdentity } from "../http/limit-rate.ts";
import { auditDecision } from "../issuer/audit-decision.ts";
import { approvalOf } from "../issuer/authorize/approval.ts";
import { authorizationStore } from "../issuer/authorize/authorization-store.ts";
import { rememberConsent } from "../issuer/authorize/remember-consent.ts";
import { clientStore } from "../issuer/clients/client-store.ts";
import { type ClientSummary, summarizeClient } from "../issuer/clients/present-client.ts";
import type { ClientRow, DeviceRow } from "../issuer/schema.ts";
import { isLimited } from "../issuer/scopes.ts";
import { hashCode } from "../issuer/token/authorization-code.ts";
import { publish } from "../record.ts";
import { type AuthStore, inTransaction } from "../store.ts";
import { deviceStore } from "./device-store.ts";
import { readUserCode } from "./user-code.ts";

/** What a person is asked. */
export interface DeviceDetails {
  /** As it should be shown: `WDJB-MJHT`. */
  readonly user_code: string;
  readonly client: ClientSummary;
  readonly registration_type: ClientRow["registration_type"];
  /** Separated by spaces. */
  readonly scope: string;
  /** As in `AuthorizationDetails`. */
  readonly full_access: boolean;
  /** Where the device is; null when it is not known. */
  readonly ip: string | null;
  readonly user_agent: string | null;
  /** ISO 8601. */
  readonly requested_at: string;
  readonly expires_at: string;
}

/** @throws device_code_not_found (404: unknown, expired or decided), over_request_rate_limit */
export async function describeDeviceCode(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  typed: string,
): Promise<DeviceDetails> {
  return inDevice(state, caller, current, typed, async ({ row, client, userCode }) => ({
    user_code: userCode,
    client: summarizeClient(client),
    registration_type: client.registration_type,
    scope: row.scope,
    full_access: !isLimited(state.config, client, row.scope),
    ip: row.ip,
    user_agent: row.user_agent,
    requested_at: row.created_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
  }));
}

/** The device gets its tokens when it asks next. @throws as `describeDeviceCode`, impersonation_not_allowed, insufficient_aal */
export async function approveDevice(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  typed: string,
): Promise<void> {
  await inDevice(state, caller, current, typed, async (open) => {
    const { store, tx, devices, requests, row, client } = open;
    requireAal2(state, current, "let a device act for you");
    await devices.approve(row.id, approvalOf(state, current));
    await rememberConsent(state, requests, client, current, row.scope);
    await auditDecision(state, store, caller, current, "oauth_device_approved", row);
    const data = { client_id: row.client_id, scope: row.scope };
    await publish(state, tx, caller, "auth.oauth_authorized", current.user.id, data);
  });
}

/** @throws as `describeDeviceCode` */
export async function denyDevice(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  typed: string,
): Promise<void> {
  await inDevice(state, caller, current, typed, async ({ store, devices, row }) => {
    await devices.deny(row.id, current.user.id);
    await auditDecision(state, store, caller, current, "oauth_device_denied", row);
  });
}

interface OpenDevice {
  readonly store: AuthStore;
  readonly tx: TransactionSql;
  readonly devices: ReturnType<typeof deviceStore>;
  readonly requests: ReturnType<typeof authorizationStore>;
  readonly row: DeviceRow;
  readonly client: ClientRow;
  readonly userCode: string;
}

async function inDevice<T>(
  state: AuthState,
  caller: Caller,
  { user }: CurrentUser,
  typed: string,
  work: (open: OpenDevice) => Promise<T>,
): Promise<T> {
  const { rate_limit_user_code: limit } = state.config.oauth_server;
  await limitByAddress(state, caller, "oauth_user_code", limit);
  await limitByIdentity(state, caller, "oauth_user_code", user.id, limit);
  const userCode = readUserCode(typed);
  if (userCode === null) throw authErrors.device_code_not_found();
  return inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const devices = deviceStore(tx);
    const row = await devices.lockByUserCode(hashCode(userCode));
    const isOpen = row?.status === "pending" && row.expires_at > state.now();
    const client = isOpen ? await clientStore(tx).find(row.client_id) : null;
    if (!row || !client) throw authErrors.device_code_not_found();
    const requests = authorizationStore(tx);
    return work({ store, tx, devices, requests, row, client, userCode });
  });
}
