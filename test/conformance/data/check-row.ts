/** Sends a row and compares status, headers and the exact body. */
import { expect } from "bun:test";
import { fetchRow, type RowWorld } from "../../support/rows.ts";
import { Hex, Raw, type Row } from "./kit.ts";

export async function checkRow(world: RowWorld, row: Row): Promise<void> {
  await checkOne(world, row);
  if (row.after !== undefined) await checkRow(world, row.after);
}

async function checkOne(world: RowWorld, row: Row): Promise<void> {
  const { status, headers = {}, body } = row.expect;
  const response = await fetchRow(world, row);
  const bytes = Buffer.from(await response.arrayBuffer());
  // Status and body together, so that a failure shows what the server said.
  expect({ status: response.status, body: bodyFor(body, response, bytes) }).toEqual({
    status,
    body: wanted(body),
  });
  if (status < 300) expectSameOrder(body, response, bytes);
  for (const [name, want] of Object.entries(headers)) {
    const got = response.headers.get(name);
    if (want instanceof RegExp)
      expect({ [name]: got }).toEqual({ [name]: expect.stringMatching(want) });
    else expect({ [name]: got }).toEqual({ [name]: want });
  }
}

function isJson(response: Response): boolean {
  const [type = ""] = (response.headers.get("content-type") ?? "").split(";");
  return /\bjson$/.test(type.trim());
}

function wanted(body: unknown): unknown {
  if (body instanceof Raw) return body.text;
  if (body instanceof Hex) return body.digits;
  return body === undefined ? "" : body;
}

function bodyFor(body: unknown, response: Response, bytes: Buffer): unknown {
  if (body instanceof Hex) return bytes.toString("hex");
  const text = bytes.toString("utf8");
  if (body instanceof Raw || text === "" || !isJson(response)) return text;
  return JSON.parse(text) as unknown;
}

/** Members of objects come in the order of the selection. */
function expectSameOrder(body: unknown, response: Response, bytes: Buffer): void {
  if (!isPlain(body) || !isJson(response)) return;
  expect(JSON.stringify(JSON.parse(bytes.toString("utf8")))).toBe(JSON.stringify(body));
}

/** Without raw text or one of `expect`'s own matchers at any depth. */
function isPlain(body: unknown): boolean {
  if (body === undefined) return false;
  if (typeof body !== "object" || body === null) return true;
  if (!Array.isArray(body) && Object.getPrototypeOf(body) !== Object.prototype) return false;
  return Object.values(body).every(isPlain);
}
