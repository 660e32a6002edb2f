/**
 * The authentication part of the start-up dialogue (protocol 3.0, "Start-up"): trust, cleartext,
 * md5 and SCRAM-SHA-256.
 */
import { createHash } from "node:crypto";
import type { Rng } from "../../core/ports/rng.ts";
import type { DatabaseAddress } from "../url.ts";
import { wireErrors } from "./errors.ts";
import { MessageWriter } from "./message-writer.ts";
import { ScramClient } from "./scram.ts";

export interface LoginMessage {
  readonly type: number;
  readonly body: Buffer;
}

export interface LoginInbox {
  /** Throws the PgError when Postgres refuses. */
  next(): Promise<LoginMessage>;
}

type Send = (bytes: Uint8Array) => void;

const METHODS: Readonly<Record<number, string>> = { 2: "Kerberos", 7: "GSSAPI", 9: "SSPI" };

/** Returns once AuthenticationOk has come. */
export async function authenticate(
  address: DatabaseAddress,
  rng: Rng,
  inbox: LoginInbox,
  send: Send,
): Promise<void> {
  for (;;) {
    const body = await nextRequest(inbox);
    const method = body.readInt32BE(0);
    if (method === 0) return;
    if (![3, 5, 10].includes(method)) {
      throw wireErrors.authentication_unsupported(METHODS[method] ?? `method ${method}`);
    }
    if (address.password === null) throw wireErrors.password_missing();
    if (method === 3) sendPassword(address.password, send);
    if (method === 5) sendPassword(md5(address.user, address.password, body.subarray(4)), send);
    if (method === 10) await scram(address.password, body, rng, inbox, send);
  }
}

async function nextRequest(inbox: LoginInbox): Promise<Buffer> {
  const { type, body } = await inbox.next();
  if (type !== 0x52) throw wireErrors.protocol_violation(`message ${type} during login`);
  return body;
}

function sendPassword(text: string, send: Send): void {
  const writer = new MessageWriter();
  writer.password(text);
  send(writer.take());
}

function md5(user: string, password: string, salt: Buffer): string {
  const hash = (data: string | Buffer) => createHash("md5").update(data).digest("hex");
  return `md5${hash(Buffer.concat([Buffer.from(hash(password + user)), salt.subarray(0, 4)]))}`;
}

async function scram(
  password: string,
  request: Buffer,
  rng: Rng,
  inbox: LoginInbox,
  send: Send,
): Promise<void> {
  const mechanisms = request.toString("utf8", 4).split("\0");
  if (!mechanisms.includes("SCRAM-SHA-256")) {
    throw wireErrors.authentication_unsupported(mechanisms.filter(Boolean).join(", "));
  }
  const client = new ScramClient(password, Buffer.from(rng.bytes(18)).toString("base64"));
  const writer = new MessageWriter();
  writer.saslInitial("SCRAM-SHA-256", client.clientFirst());
  send(writer.take());
  const challenge = await expect(inbox, 11);
  writer.saslResponse(await client.clientFinal(challenge));
  send(writer.take());
  client.verifyServerFinal(await expect(inbox, 12));
}

async function expect(inbox: LoginInbox, step: number): Promise<string> {
  const body = await nextRequest(inbox);
  // AuthenticationOk without the server's proof would let an impostor in.
  if (body.readInt32BE(0) !== step) {
    throw wireErrors.server_not_authentic("a step of the login is missing");
  }
  return body.toString("utf8", 4);
}
