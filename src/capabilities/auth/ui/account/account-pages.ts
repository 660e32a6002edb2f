/** The pages of people's own accounts. */
import type { PageRoute } from "../page.ts";
import { forMember } from "./member.ts";
import { showOverview } from "./overview.ts";

export const accountPages: readonly PageRoute[] = [
  { path: "/auth/ui/account", show: forMember(showOverview) },
];
