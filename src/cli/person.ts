/**
 * The command line as a person: signs in by a device code (RFC 8628), so that a machine without a
 * browser never sees a password, and keeps the access token fresh. The server knows this program as
 * an OAuth client of its own.
 */
import { escapeControls } from "../core/pretty-log.ts";
import { CliError } from "./cli-error.ts";
import { readContexts, type SavedLogin, withContext, writeContexts } from "./contexts.ts";
import type { CliHost } from "./host.ts";

/** Of this program at every server: `migrations/auth/0009_oauth_server.sql`. */
const CLIENT_ID = "5ea0c70a-c11e-7000-8000-000000000001";
const SCOPE = "openid email profile";
const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const OAUTH = "/auth/v1/oauth";
const SLOWER_S = 5;
/** An access token is renewed this long before it ends, seconds. */
const EARLY_S = 60;

/** Sends a form to the server and answers whatever it says. */
export type SendForm = (
  path: string,
  fields: Readonly<Record<string, string>>,
) => Promise<Response>;

interface Device {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete: string;
  readonly expires_in: number;
  readonly interval: number;
}

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
}

interface Fault {
  readonly error?: string;
  readonly error_description?: string;
}

/** Shows a code and waits until its person agreed. @throws CliError `login_denied`, `login_expired` */
export async function signInByDevice(host: CliHost, send: SendForm): Promise<SavedLogin> {
  const asked = await send(`${OAUTH}/device_authorization`, { client_id: CLIENT_ID, scope: SCOPE });
  if (!asked.ok) throw await refused(asked);
  const device = (await asked.json()) as Device;
  const text = (value: string) => escapeControls(value);
  // Also where the result is JSON: somebody must read this, or nothing will happen.
  host.terminal.stderr.write(
    `Open ${text(device.verification_uri)} and enter the code ${text(device.user_code)}\n` +
      `or open ${text(device.verification_uri_complete)}\n`,
  );
  return savedLogin(host, await poll(host, send, device));
}

async function poll(host: CliHost, send: SendForm, device: Device): Promise<Tokens> {
  const fields = {
    grant_type: DEVICE_GRANT,
    device_code: device.device_code,
    client_id: CLIENT_ID,
  };
  let intervalS = device.interval;
  const endsAt = host.clock.now() + device.expires_in * 1000;
  while (host.clock.now() < endsAt) {
    await host.clock.sleep(intervalS * 1000, host.terminal.interrupted);
    const answer = await send(`${OAUTH}/token`, fields);
    if (answer.ok) return (await answer.json()) as Tokens;
    const { error } = (await answer.clone().json()) as Fault;
    if (error === "slow_down") intervalS += SLOWER_S;
    else if (error !== "authorization_pending") throw await refused(answer);
  }
  throw expired();
}

/**
 * A live access token of the saved person; renewed and saved when it is about to end.
 * @param context whose login it is.
 * @throws CliError `login_expired`
 */
export async function freshToken(host: CliHost, context: string, send: SendForm): Promise<string> {
  const file = readContexts(host);
  const saved = file.contexts.find(({ name }) => name === context);
  if (!saved?.login) throw expired();
  const { access_token: token, refresh_token: refreshToken, expires_at: endsAt } = saved.login;
  if (host.clock.now() / 1000 < endsAt - EARLY_S) return token;
  const answer = await send(`${OAUTH}/token`, {
    grant_type: "refresh_token",
    refresh_token: refreshToken,
    client_id: CLIENT_ID,
  });
  if (!answer.ok) throw await refused(answer);
  const login = savedLogin(host, (await answer.json()) as Tokens);
  writeContexts(host, withContext(file, { ...saved, login }));
  return login.access_token;
}

/** Tells the server that the session is over; an error is the caller's to show. */
export async function endLogin(login: SavedLogin, send: SendForm): Promise<void> {
  const fields = { token: login.refresh_token, client_id: CLIENT_ID };
  const answer = await send(`${OAUTH}/revoke`, fields);
  if (!answer.ok) throw await refused(answer);
  await answer.body?.cancel();
}

function savedLogin(host: CliHost, tokens: Tokens): SavedLogin {
  return {
    access_token: tokens.access_token,
    refresh_token: tokens.refresh_token,
    expires_at: Math.floor(host.clock.now() / 1000) + tokens.expires_in,
  };
}

async function refused(answer: Response): Promise<CliError> {
  const text = await answer.text();
  let fault: Fault & { readonly message?: string } = {};
  try {
    fault = JSON.parse(text) as typeof fault;
  } catch {
    // A proxy's page, not the server's answer: the status has to do.
  }
  const { error = "", error_description: description } = fault;
  if (error === "access_denied")
    return new CliError("auth", "login_denied", "The login was denied");
  if (error === "expired_token" || error === "invalid_grant") return expired();
  const said = description ?? fault.message ?? `HTTP ${answer.status}`;
  return new CliError("auth", error || `http_${answer.status}`, escapeControls(said));
}

function expired(): CliError {
  const hint = "Run `reactor login --device` again";
  return new CliError("auth", "login_expired", "The login has expired or was ended", hint);
}
