/** The pages on which people let apps and devices act for them. */
import { forMember, fromMember } from "../account/member.ts";
import type { PageRoute } from "../page.ts";
import { showConsent, takeConsent } from "./consent.ts";
import { showDevice, takeDevice } from "./device.ts";
import { showLogout, takeLogout } from "./logout.ts";

export const grantPages: readonly PageRoute[] = [
  { path: "/auth/ui/consent", show: forMember(showConsent), take: fromMember(takeConsent) },
  { path: "/auth/ui/logout", show: showLogout, take: takeLogout },
  { path: "/auth/ui/device", show: forMember(showDevice), take: fromMember(takeDevice) },
];
