/** The contents page: every capability in the executable. Adding one is one line here. */
import { auth } from "../capabilities/auth/index.ts";
import { data } from "../capabilities/data/index.ts";
import { functions } from "../capabilities/functions/index.ts";
import type { Capability } from "../core/capability.ts";

export const capabilities: readonly Capability[] = [auth, data, functions];
