/** Settings of sessions, part of `[auth]`. */
import { Type } from "@sinclair/typebox";

export const sessionSettings = {
  session_single_per_user: Type.Boolean({
    default: false,
    description: "A sign-in ends the person's other sessions of the same kind",
  }),
};
