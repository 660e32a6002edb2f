/** The SQL of `auth.oauth_states`. */
import type { Sql, TransactionSql } from "postgres";

export interface NewOauthState {
  readonly stateHash: Uint8Array;
  readonly ticketHash: Uint8Array | null;
  readonly sealedLocation: Uint8Array | null;
  readonly browserHash: Uint8Array | null;
  readonly provider: string;
  readonly redirectTo: string;
  readonly flowId: string | null;
  readonly linkUserId: string | null;
  readonly sealed: Uint8Array;
  readonly now: Date;
}

/** `auth.oauth_states`, as the callback reads it. */
export interface OauthStateRow {
  readonly browser_hash: Uint8Array | null;
  readonly provider: string;
  readonly redirect_to: string;
  readonly flow_id: string | null;
  readonly link_user_id: string | null;
  readonly sealed: Uint8Array;
  readonly created_at: Date;
}

export type RedeemedTicket = Pick<OauthStateRow, "redirect_to" | "flow_id" | "link_user_id"> & {
  readonly sealed_location: Uint8Array;
};

export function createOauthStateStore(sql: Sql | TransactionSql) {
  return {
    async insert(state: NewOauthState): Promise<void> {
      await sql`
        insert into auth.oauth_states (state_hash, ticket_hash, sealed_location, browser_hash,
          provider, redirect_to, flow_id, link_user_id, sealed, created_at)
        values (${state.stateHash}, ${state.ticketHash}, ${state.sealedLocation},
          ${state.browserHash}, ${state.provider}, ${state.redirectTo}, ${state.flowId},
          ${state.linkUserId}, ${state.sealed}, ${state.now})`;
    },
    /** Gives a waiting sign-in its browser, once; null when there is none. */
    async redeem(
      ticketHash: Uint8Array,
      browserHash: Uint8Array,
      since: Date,
    ): Promise<RedeemedTicket | null> {
      const [row] = await sql<RedeemedTicket[]>`
        with waiting as (
          select state_hash, sealed_location from auth.oauth_states
          where ticket_hash = ${ticketHash} and created_at > ${since} for update
        )
        update auth.oauth_states s
        set browser_hash = ${browserHash}, ticket_hash = null, sealed_location = null
        from waiting w where s.state_hash = w.state_hash
        returning w.sealed_location, s.redirect_to, s.flow_id, s.link_user_id`;
      return row ?? null;
    },
    /** Reads a state that its browser is away with, without taking it. */
    async find(stateHash: Uint8Array, since: Date): Promise<OauthStateRow | null> {
      const [row] = await sql<OauthStateRow[]>`
        select browser_hash, provider, redirect_to, flow_id, link_user_id, sealed, created_at
        from auth.oauth_states
        where state_hash = ${stateHash} and created_at > ${since} and browser_hash is not null`;
      return row ?? null;
    },
    /** Takes a state out of the table: it is used once, whatever comes of it. */
    async take(stateHash: Uint8Array): Promise<OauthStateRow | null> {
      const [row] = await sql<OauthStateRow[]>`
        delete from auth.oauth_states where state_hash = ${stateHash}
        returning browser_hash, provider, redirect_to, flow_id, link_user_id, sealed, created_at`;
      return row ?? null;
    },
    async purge(before: Date, limit: number): Promise<number> {
      const { count } = await sql`
        delete from auth.oauth_states where state_hash in (
          select state_hash from auth.oauth_states where created_at < ${before} limit ${limit})`;
      return count;
    },
  };
}
