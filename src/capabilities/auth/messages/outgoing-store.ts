/** SQL of `auth.outgoing_messages`. Times come in as parameters, as everywhere in identity. */
import type { Executor } from "../store.ts";

export interface OutgoingRow {
  readonly id: string;
  /** For the log. */
  readonly kind: string;
  readonly sealed: Uint8Array;
  /** This one included. */
  readonly tries: number;
  readonly expires_at: Date;
}

export type NewOutgoingRow = Omit<OutgoingRow, "tries"> & { readonly due_at: Date };

export interface OutgoingStore {
  /** At least one. */
  insert(rows: readonly NewOutgoingRow[]): Promise<void>;
  /** The longest due, for this caller alone until `until`; null = none is due. */
  claim(now: Date, until: Date): Promise<OutgoingRow | null>;
  postpone(id: string, dueAt: Date): Promise<void>;
  remove(id: string): Promise<void>;
  count(): Promise<number>;
}

export function createOutgoingStore(sql: Executor): OutgoingStore {
  return {
    async insert(rows) {
      await sql`
        insert into auth.outgoing_messages ${sql(rows as unknown as Record<string, never>[])}`;
    },
    async claim(now, until) {
      const [row] = await sql<OutgoingRow[]>`
        update auth.outgoing_messages set due_at = ${until}, tries = tries + 1
        where id = (
          select id from auth.outgoing_messages where due_at <= ${now}
          order by due_at, id limit 1 for update skip locked)
        returning id, kind, sealed, tries, expires_at`;
      return row ?? null;
    },
    async postpone(id, dueAt) {
      await sql`update auth.outgoing_messages set due_at = ${dueAt} where id = ${id}`;
    },
    async remove(id) {
      await sql`delete from auth.outgoing_messages where id = ${id}`;
    },
    async count() {
      const [row] = await sql<{ count: number }[]>`
        select count(*)::int as count from auth.outgoing_messages`;
      return row?.count ?? 0;
    },
  };
}
