/** The body of a decision, as GoTrue has it: `{"action":"approve"|"deny"}`. */
import { authErrors } from "../../errors.ts";
import { textOf } from "../../http/read-json.ts";
import type { JsonObject } from "../../schema.ts";

/** @throws validation_failed */
export function readDecision(body: JsonObject): "approve" | "deny" {
  const action = textOf(body, "action");
  if (action === "approve" || action === "deny") return action;
  throw authErrors.validation_failed("action must be 'approve' or 'deny'");
}
