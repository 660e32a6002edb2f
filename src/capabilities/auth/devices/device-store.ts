/** SQL of device codes. */
import type { JSONValue } from "postgres";
import type { Approval, DeviceRow } from "../issuer/schema.ts";
import type { Executor } from "../store.ts";

export type NewDevice = Pick<
  DeviceRow,
  | "id"
  | "client_id"
  | "scope"
  | "resource"
  | "issuer"
  | "ip"
  | "user_agent"
  | "interval_s"
  | "created_at"
  | "expires_at"
> & { readonly device_code_hash: Uint8Array; readonly user_code_hash: Uint8Array };

export function deviceStore(sql: Executor) {
  return {
    /** False when the user code is another's at present. */
    async insert(row: NewDevice): Promise<boolean> {
      const { count } = await sql`
        insert into auth.oauth_device_codes ${sql(row as unknown as Record<string, never>)}
        on conflict (user_code_hash) do nothing`;
      return count > 0;
    },
    /** Locked: whoever decides or polls waits here. */
    async lockByUserCode(hash: Uint8Array): Promise<DeviceRow | null> {
      const [row] = await sql<DeviceRow[]>`
        select * from auth.oauth_device_codes where user_code_hash = ${hash} for update`;
      return row ?? null;
    },
    async lockByDeviceCode(hash: Uint8Array): Promise<DeviceRow | null> {
      const [row] = await sql<DeviceRow[]>`
        select * from auth.oauth_device_codes where device_code_hash = ${hash} for update`;
      return row ?? null;
    },
    async markPolled(id: string, intervalS: number, now: Date): Promise<void> {
      await sql`
        update auth.oauth_device_codes set polled_at = ${now}, interval_s = ${intervalS}
        where id = ${id}`;
    },
    async approve(id: string, approval: Approval): Promise<void> {
      await sql`
        update auth.oauth_device_codes
        set status = 'approved', user_id = ${approval.user_id}, aal = ${approval.aal},
            amr = ${sql.json(approval.amr as unknown as JSONValue)},
            authenticated_at = ${approval.authenticated_at},
            session_ends_at = ${approval.session_ends_at}
        where id = ${id}`;
    },
    async deny(id: string, userId: string): Promise<void> {
      await sql`
        update auth.oauth_device_codes set status = 'denied', user_id = ${userId}
        where id = ${id}`;
    },
    async markExchanged(id: string, sessionId: string): Promise<void> {
      await sql`
        update auth.oauth_device_codes set status = 'exchanged', session_id = ${sessionId}
        where id = ${id}`;
    },
  };
}
