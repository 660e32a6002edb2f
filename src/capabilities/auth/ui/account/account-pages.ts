/** The pages of people's own accounts. */
import type { PageRoute } from "../page.ts";
import { showApiKeys, takeApiKeys } from "./api-keys.ts";
import { showApps, takeApps } from "./apps.ts";
import { forMember, fromMember } from "./member.ts";
import { takeNewApp, takeNewKey } from "./new-factor.ts";
import { showOrganizations, takeOrganizations } from "./organizations.ts";
import { showOverview } from "./overview.ts";
import { showPasskeys, takeNewPasskey, takePasskeys } from "./passkeys.ts";
import { showPassword, takePassword } from "./password.ts";
import { showProfile, takeProfile } from "./profile.ts";
import { showProviders, takeConnect, takeProviders } from "./providers.ts";
import { showSessions, takeSessions } from "./sessions.ts";
import { showTwoFactor, takeRecoveryCodes, takeTwoFactor } from "./two-factor.ts";

type Show = Parameters<typeof forMember>[0];
type Take = Parameters<typeof fromMember>[0];

function section(name: string, show: Show | null, take: Take | null = null): PageRoute {
  return {
    path: `/auth/ui/account${name}` as PageRoute["path"],
    // Whoever is sent to sign in from a form's own address comes back to the section.
    show: forMember(show ?? (() => ({ redirect: `/auth/ui/account${parentOf(name)}` }))),
    ...(take ? { take: fromMember(take) } : {}),
  };
}

const parentOf = (name: string) => name.slice(0, name.lastIndexOf("/"));

export const accountPages: readonly PageRoute[] = [
  { path: "/auth/ui", show: () => ({ redirect: "/auth/ui/account" }) },
  section("", showOverview),
  section("/profile", showProfile, takeProfile),
  section("/password", showPassword, takePassword),
  section("/two-factor", showTwoFactor, takeTwoFactor),
  section("/two-factor/app", null, takeNewApp),
  section("/two-factor/key", null, takeNewKey),
  section("/two-factor/recovery-codes", null, takeRecoveryCodes),
  section("/passkeys", showPasskeys, takePasskeys),
  section("/passkeys/new", null, takeNewPasskey),
  section("/sessions", showSessions, takeSessions),
  section("/providers", showProviders, takeProviders),
  section("/providers/connect", null, takeConnect),
  section("/apps", showApps, takeApps),
  section("/organizations", showOrganizations, takeOrganizations),
  section("/api-keys", showApiKeys, takeApiKeys),
];
