/** People with second factors, and codes made by another hand than the server's. */
import { createHmac } from "node:crypto";
import { type AuthWorld, type SignedIn, signUp } from "../auth-world.ts";

/** Sessions of it, raised or not, know their tokens. */
export interface Session {
  readonly accessToken: string;
  readonly refreshToken: string;
}

export interface TotpFactor {
  readonly id: string;
  readonly secret: string;
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const STEP_S = 30;

function bytesOfSecret(secret: string): Buffer {
  const bits = [...secret].map((c) => BASE32.indexOf(c).toString(2).padStart(5, "0")).join("");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** RFC 6238 with RFC 4226's truncation, from the text. @param steps from now */
export function totpCode(
  world: Pick<AuthWorld["state"]["deps"], "clock">,
  secret: string,
  steps = 0,
): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(world.clock.now() / 1000 / STEP_S) + steps));
  const mac = createHmac("sha1", bytesOfSecret(secret)).update(counter).digest();
  const at = (mac.at(-1) ?? 0) & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** A code that is none of those good now. */
export function wrongCode(world: AuthWorld, secret: string): string {
  const good = [-2, -1, 0, 1, 2].map((steps) => totpCode(world, secret, steps));
  for (let n = 0; ; n += 1) {
    const code = String(n).padStart(6, "0");
    if (!good.includes(code)) return code;
  }
}

/** So that codes that were used are past. */
export const nextStep = (world: AuthWorld) => world.clock.advance(2 * STEP_S * 1000);

export function send(
  world: AuthWorld,
  session: Session,
  method: string,
  path: string,
  body?: unknown,
  address?: string,
) {
  return world.send(method, `/auth/v1${path}`, {
    bearer: session.accessToken,
    ...(body === undefined ? {} : { body }),
    ...(address === undefined ? {} : { address }),
  });
}

export async function enrollTotp(
  world: AuthWorld,
  session: Session,
  friendlyName = "",
): Promise<TotpFactor> {
  const body = { factor_type: "totp", friendly_name: friendlyName };
  const answer = await send(world, session, "POST", "/factors", body);
  if (answer.status !== 200) throw new Error(`enrolment: ${JSON.stringify(answer.body)}`);
  return { id: answer.body.id, secret: answer.body.totp.secret };
}

export async function challenge(
  world: AuthWorld,
  session: Session,
  factorId: string,
  address?: string,
): Promise<string> {
  const path = `/factors/${factorId}/challenge`;
  const { status, body } = await send(world, session, "POST", path, {}, address);
  if (status !== 200) throw new Error(`challenge: ${JSON.stringify(body)}`);
  return body.id;
}

/** Challenge and verification with a code. */
export async function tryCode(world: AuthWorld, session: Session, factorId: string, code: string) {
  const challengeId = await challenge(world, session, factorId);
  const body = { challenge_id: challengeId, code };
  return send(world, session, "POST", `/factors/${factorId}/verify`, body);
}

/** The session after its factor was proven. */
export async function stepUp(
  world: AuthWorld,
  session: Session,
  { id, secret }: TotpFactor,
): Promise<Session> {
  const { status, body } = await tryCode(world, session, id, totpCode(world, secret));
  if (status !== 200) throw new Error(`verification: ${JSON.stringify(body)}`);
  return { accessToken: body.access_token, refreshToken: body.refresh_token };
}

export interface Protected {
  readonly person: SignedIn;
  readonly email: string;
  readonly factor: TotpFactor;
  /** At aal2. */
  readonly raised: Session;
}

let count = 0;

/** A new person who has enrolled an authenticator app; its code of now is spent. */
export async function protectedPerson(world: AuthWorld): Promise<Protected> {
  const email = `factor-${++count}-${world.clock.now()}@example.test`;
  const person = await signUp(world, email);
  const factor = await enrollTotp(world, person);
  const raised = await stepUp(world, person, factor);
  await nextStep(world);
  return { person, email, factor, raised };
}

// biome-ignore lint/suspicious/noExplicitAny: claims of many shapes
export function claimsOf(token: string): any {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}
