/** What the parts of an explanation share. */
import type { Sql } from "postgres";
import type { Incoming } from "../incoming.ts";
import type { DataRoom } from "../room.ts";
import type { Schema } from "../schema/schema.ts";
import type { Examiner } from "./examine-rows.ts";
import type { Touched } from "./touched.ts";

export interface Explaining {
  readonly room: DataRoom;
  /** The request as the one that is explained. */
  readonly incoming: Incoming;
  readonly schema: Schema;
  /** For the catalogue. */
  readonly sql: Sql;
  examinerOf(touched: Touched): Examiner;
}

/** What `42501` was about, where the message names it. */
export interface DeniedObject {
  readonly kind: string;
  readonly name: string;
}

/** PostgreSQL's own words (aclchk.c), in English; null in another language and for other errors. */
export function deniedObject(message: string): DeniedObject | null {
  const match =
    /permission denied for (table|view|materialized view|foreign table|sequence|schema|function|procedure|relation) (.+)$/.exec(
      message,
    ) ?? /row-level security policy (?:".*" )?(?:\(.*\) )?for (table) "(.+)"/.exec(message);
  const [, kind, name] = match ?? [];
  return kind === undefined || name === undefined ? null : { kind, name };
}
