/** Errors of the list of sessions. */
import { defineErrors } from "../../../core/errors.ts";

export const sessionErrors = defineErrors({
  session_unknown: () => ({
    status: 404,
    code: "session_not_found",
    message: "Session not found",
  }),
});
