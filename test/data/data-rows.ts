/** Requests and answers of `/data/v1` as rows of data, over a `DataWorld`. */
import { expect, test } from "bun:test";
import type { DataWorld } from "./data-world.ts";

export interface DataRow {
  readonly name: string;
  /** Default GET. */
  readonly method?: string;
  readonly path: string;
  /** Default `anon`. */
  readonly role?: string;
  readonly prefer?: string;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text goes as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly want: {
    /** Default 200. */
    readonly status?: number;
    /** Null: absent. */
    readonly headers?: Readonly<Record<string, string | null>>;
    /** A text is compared with the whole body, anything else with its JSON. */
    readonly body?: unknown;
  };
}

export function runDataRows(rows: readonly DataRow[], world: () => DataWorld): void {
  for (const row of rows) {
    test(row.name, async () => {
      const answer = await send(world(), row);
      const text = await answer.text();
      const { status = 200, headers = {}, body } = row.want;
      const got = typeof body === "string" ? text : parse(text);
      // Status and body together, so that a failure shows what the server said.
      const isLooked = body !== undefined || answer.status !== status;
      const seen = { status: answer.status, ...(isLooked ? { body: got } : {}) };
      expect(seen).toEqual({ status, ...(isLooked ? { body } : {}) });
      for (const [name, want] of Object.entries(headers)) {
        expect([name, answer.headers.get(name)]).toEqual([name, want]);
      }
    });
  }
}

export function send(world: DataWorld, row: DataRow): Promise<Response> {
  const { method = "GET", path, role, prefer, accept, headers, body } = row;
  return world.ask(path, {
    method,
    ...(role === undefined ? {} : { role }),
    headers: {
      ...(prefer === undefined ? {} : { prefer }),
      ...(accept === undefined ? {} : { accept }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
}

function parse(text: string): unknown {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** An error body of PostgREST. */
export function fault(
  code: string,
  message: string,
  details: string | null = null,
  hint: string | null = null,
) {
  return { code, message, details, hint };
}
