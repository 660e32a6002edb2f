/** The fields that the admin routes take of a person, as GoTrue's clients send them. */
import { isUuid } from "../accounts/find-current-user.ts";
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { parseBanDuration } from "./ban-duration.ts";

const ROLE = /^[a-z_][a-z0-9_]{0,62}$/;

/** A new id where none is asked for. @throws validation_failed */
export function readId(state: AuthState, text: string): string {
  if (text === "") return state.deps.ids.uuid();
  if (!isUuid(text)) throw authErrors.validation_failed("id must be an UUID");
  return text.toLowerCase();
}

/** Null = not sent. @throws validation_failed */
export function readRole(text: string): string | null {
  if (text === "") return null;
  if (!ROLE.test(text)) throw authErrors.validation_failed("role must be a database role's name");
  return text;
}

/** Until when; null = `none`, undefined = not sent. @throws validation_failed */
export function readBan(state: AuthState, text: string): Date | null | undefined {
  if (text === "") return undefined;
  if (text === "none") return null;
  const ms = parseBanDuration(text);
  if (ms === null) throw authErrors.validation_failed("invalid format for ban duration");
  return new Date(state.now().getTime() + ms);
}
