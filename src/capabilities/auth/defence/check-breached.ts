/**
 * Whether a new password is known from breaches: by a range API, which is told five of the forty hex
 * digits of its SHA-1 and answers hundreds of hashes alike (k-anonymity), or by a filter on this
 * machine, which tells nobody anything.
 */
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { readTextWithin } from "./fetch-within.ts";

const PREFIX = 5;
/** A range has about 900 lines of 38 characters, padding included. */
const ANSWER_BYTES_MAX = 1024 * 1024;

/** @throws weak_password with reason `pwned`; unexpected_failure where it must be asked and cannot */
export async function checkBreached(state: AuthState, password: string): Promise<void> {
  const { mode } = state.config.breached_passwords;
  if (mode === "off") return;
  const digest = new Bun.CryptoHasher("sha1").update(password).digest();
  const isKnown =
    mode === "file"
      ? (state.breachedFilter?.has(digest) ?? false)
      : await isInRange(state, Buffer.from(digest).toString("hex").toUpperCase());
  if (!isKnown) return;
  throw authErrors.weak_password(
    "Password is known to be weak and easy to guess, please choose a different one.",
    ["pwned"],
  );
}

async function isInRange(state: AuthState, hash: string): Promise<boolean> {
  const { fail_closed: failClosed, min_count: minCount } = state.config.breached_passwords;
  try {
    const count = countIn(await fetchRange(state, hash.slice(0, PREFIX)), hash.slice(PREFIX));
    return count >= minCount;
  } catch (error) {
    if (failClosed) throw authErrors.breach_check_unavailable(error);
    state.deps.log.warn("auth.breach_check_failed", { error });
    return false;
  }
}

/** With padding: the size of the answer does not tell which range was asked for. */
async function fetchRange(state: AuthState, prefix: string): Promise<string> {
  const { url, timeout_ms: timeoutMs } = state.config.breached_passwords;
  const headers = { "add-padding": "true", "user-agent": `Reactor/${state.deps.server.version}` };
  const bounds = { timeoutMs, maxBytes: ANSWER_BYTES_MAX };
  const { status, text } = await readTextWithin(
    state.deps.clock,
    `${url}${prefix}`,
    { headers },
    bounds,
  );
  if (status !== 200) throw new Error(`the range API answered ${status}`);
  return text;
}

/** `SUFFIX:COUNT` lines; padding has the count 0. */
function countIn(range: string, suffix: string): number {
  for (const line of range.split("\n")) {
    if (line.slice(0, suffix.length).toUpperCase() !== suffix) continue;
    if (line[suffix.length] === ":") return Number.parseInt(line.slice(suffix.length + 1), 10);
  }
  return 0;
}
