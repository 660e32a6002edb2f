/** People with passkeys and security keys, and what a browser sends for them. */
import type { AuthWorld } from "../auth-world.ts";
import { type Session, send } from "./factor-world.ts";
import type {
  Algorithm,
  Deviation,
  SoftAuthenticator,
  SoftCredential,
} from "./soft-authenticator.ts";

export const ORIGIN = "https://app.example.test";

// biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
type Json = any;

export async function registrationOptions(world: AuthWorld, session: Session): Promise<Json> {
  const { status, body } = await send(world, session, "POST", "/passkeys/registration/options", {});
  if (status !== 200) throw new Error(`options: ${JSON.stringify(body)}`);
  return body;
}

export async function tryRegistration(
  world: AuthWorld,
  session: Session,
  device: SoftAuthenticator,
  deviation: Deviation = {},
  algorithm: Algorithm = -7,
) {
  const { challenge_id, options } = await registrationOptions(world, session);
  const { credential, json } = device.create(options, algorithm, deviation);
  const body = { challenge_id, credential: json };
  const answer = await send(world, session, "POST", "/passkeys/registration/verify", body);
  return { answer, credential };
}

/** A passkey of the person on the device. */
export async function addPasskey(
  world: AuthWorld,
  session: Session,
  device: SoftAuthenticator,
  algorithm: Algorithm = -7,
  deviation: Deviation = {},
): Promise<SoftCredential & { readonly passkeyId: string }> {
  const { answer, credential } = await tryRegistration(
    world,
    session,
    device,
    deviation,
    algorithm,
  );
  if (answer.status !== 200) throw new Error(`registration: ${JSON.stringify(answer.body)}`);
  return { ...credential, passkeyId: answer.body.id };
}

export async function signInOptions(world: AuthWorld): Promise<Json> {
  const { body } = await world.send("POST", "/auth/v1/passkeys/authentication/options", {
    body: {},
  });
  return body;
}

export async function trySignIn(
  world: AuthWorld,
  device: SoftAuthenticator,
  credential: SoftCredential,
  deviation: Deviation = {},
) {
  const { challenge_id, options } = await signInOptions(world);
  const json = device.get(options, credential, deviation);
  return world.send("POST", "/auth/v1/passkeys/authentication/verify", {
    body: { challenge_id, credential: json },
  });
}

export interface SecurityKey {
  readonly factorId: string;
  readonly credential: SoftCredential;
}

export async function challengeKey(world: AuthWorld, session: Session, factorId: string) {
  const path = `/factors/${factorId}/challenge`;
  const { body } = await send(world, session, "POST", path, {});
  return {
    id: body.id,
    type: body.webauthn.type,
    options: body.webauthn.credential_options.publicKey,
  };
}

/** Sends the answer of a ceremony of the factor. */
export function verifyKey(
  world: AuthWorld,
  session: Session,
  factorId: string,
  challengeId: string,
  type: string,
  json: Json,
) {
  const webauthn = { type, rpId: "ignored.example", credential_response: json };
  const body = { challenge_id: challengeId, webauthn };
  return send(world, session, "POST", `/factors/${factorId}/verify`, body);
}

export async function beginKey(world: AuthWorld, session: Session, name = ""): Promise<string> {
  const body = { factor_type: "webauthn", friendly_name: name };
  return (await send(world, session, "POST", "/factors", body)).body.id;
}

/** Enrols a security key; the session it raised. */
export async function addKey(
  world: AuthWorld,
  session: Session,
  device: SoftAuthenticator,
): Promise<SecurityKey & { readonly raised: Session }> {
  const factorId = await beginKey(world, session);
  const { id, type, options } = await challengeKey(world, session, factorId);
  const { credential, json } = device.create(options);
  const { status, body } = await verifyKey(world, session, factorId, id, type, json);
  if (status !== 200) throw new Error(`key: ${JSON.stringify(body)}`);
  const raised = { accessToken: body.access_token, refreshToken: body.refresh_token };
  return { factorId, credential, raised };
}

export async function tryKey(
  world: AuthWorld,
  session: Session,
  device: SoftAuthenticator,
  { factorId, credential }: SecurityKey,
  deviation: Deviation = {},
) {
  const { id, type, options } = await challengeKey(world, session, factorId);
  return verifyKey(world, session, factorId, id, type, device.get(options, credential, deviation));
}
