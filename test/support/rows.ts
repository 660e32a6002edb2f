/**
 * HTTP tests as rows of data: one request, as somebody, and all that its answer must be. The same
 * rows run against one server (`test/http`) and against split topologies (`test/topology.test.ts`).
 */
import { describe, expect, test } from "bun:test";
import { maskBody, maskHeader } from "./masked-fields.ts";

export type As =
  | "anon"
  | "publishable"
  | "secret"
  | "alice"
  | "bob"
  | "expired"
  | "forged"
  | "foreign"
  | "truncated";

export interface HttpRow {
  /** A sentence about behaviour. */
  readonly name: string;
  readonly method: string;
  /** With query; `{alice.id}` and other names of the world are filled in. */
  readonly path: string;
  readonly as?: As;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON, a string as it is. */
  readonly body?: unknown;
  readonly expect: {
    readonly status: number;
    /** A string must be equal, an expression must match, null must be absent. */
    readonly headers?: Readonly<Record<string, string | RegExp | null>>;
    /** Deep equality after masking; a string is the raw text; absent = an empty body. */
    readonly body?: unknown;
  };
}

/** An error body as a row writes it: what is not said is null. */
export interface Fault {
  readonly code: string;
  readonly message: string;
  readonly details?: string | null;
  readonly hint?: string | null;
}

export function fault({ code, message, details = null, hint = null }: Fault) {
  return { code, message, details, hint };
}

/** Where the rows are sent and what they may name. */
export interface RowWorld {
  /** The base URL that serves a path: one server, or the one of the capability. */
  urlFor(path: string): string;
  /** Authorization (and apikey) headers of somebody. */
  credentials(as: As): Readonly<Record<string, string>>;
  /** Values for `{name}` in paths, headers and bodies. */
  readonly names: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  /** Lower-case names, masked, without those of the connection itself. */
  readonly headers: Readonly<Record<string, string>>;
  /** Masked JSON when it is JSON, else text. */
  readonly body: unknown;
}

/** Headers that belong to a connection or a moment, not to the answer. */
const HOP_HEADERS = new Set(["date", "connection", "keep-alive", "transfer-encoding"]);

export function fill(text: string, names: Readonly<Record<string, string>>): string {
  return text.replace(
    /\{([a-z_]+(?:\.[a-z_]+)*)\}/g,
    (whole, name: string) => names[name] ?? whole,
  );
}

function fillDeep(value: unknown, names: Readonly<Record<string, string>>): unknown {
  if (typeof value === "string") return fill(value, names);
  if (Array.isArray(value)) return value.map((item) => fillDeep(item, names));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, fillDeep(v, names)]));
}

function bodyOf(row: HttpRow, names: Readonly<Record<string, string>>): string | undefined {
  if (row.body === undefined) return undefined;
  return typeof row.body === "string"
    ? fill(row.body, names)
    : JSON.stringify(fillDeep(row.body, names));
}

/** Sends one row and reads the whole answer. */
export async function sendRow(world: RowWorld, row: HttpRow): Promise<Answer> {
  const response = await fetchRow(world, row);
  return { status: response.status, headers: headersOf(response), body: await read(response) };
}

/** Sends one row. */
export function fetchRow(world: RowWorld, row: HttpRow): Promise<Response> {
  const path = fill(row.path, world.names);
  const headers: Record<string, string> = { ...world.credentials(row.as ?? "anon") };
  if (row.body !== undefined && typeof row.body !== "string") {
    headers["content-type"] = "application/json";
  }
  for (const [name, value] of Object.entries(row.headers ?? {})) {
    headers[name] = fill(value, world.names);
  }
  const body = bodyOf(row, world.names);
  return fetch(`${world.urlFor(path)}${path}`, {
    method: row.method,
    headers,
    redirect: "manual",
    ...(body === undefined ? {} : { body }),
  });
}

function headersOf(response: Response): Record<string, string> {
  const pairs = [...response.headers].filter(([name]) => !HOP_HEADERS.has(name));
  return Object.fromEntries(pairs.sort().map(([name, value]) => [name, maskHeader(name, value)]));
}

async function read(response: Response): Promise<unknown> {
  const text = await response.text();
  const type = response.headers.get("content-type") ?? "";
  return /\bjson\b/.test(type) && text !== "" ? maskBody(JSON.parse(text)) : text;
}

/** Fails unless the answer is all that the row says. */
export function checkRow(world: RowWorld, row: HttpRow, answer: Answer): void {
  const { status, headers = {}, body } = row.expect;
  // Status and body together, so that a failure shows what the server said.
  expect({ status: answer.status, body: answer.body }).toEqual({
    status,
    body: body === undefined ? "" : fillDeep(body, world.names),
  });
  expect(answer.headers["x-request-id"]).toBe("<uuid>");
  for (const [name, want] of Object.entries(headers)) {
    const got = answer.headers[name.toLowerCase()];
    if (want === null) expect({ [name]: got }).toEqual({ [name]: undefined });
    else if (typeof want === "string")
      expect({ [name]: got }).toEqual({ [name]: fill(want, world.names) });
    else expect(got ?? "").toMatch(want);
  }
}

/** Registers one test a row, in order. */
export function runRows(name: string, rows: readonly HttpRow[], world: () => RowWorld): void {
  describe(name, () => {
    for (const row of rows) {
      test(row.name, async () => checkRow(world(), row, await sendRow(world(), row)));
    }
  });
}
