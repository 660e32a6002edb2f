/** The pages by which people come in and go. */
import { forMember, fromMember } from "../account/member.ts";
import type { PageRoute } from "../page.ts";
import { forGuest } from "./arrive.ts";
import { showCode, showRecover, takeCode, takeRecover } from "./code.ts";
import { showContinue } from "./continue.ts";
import { showMfa, takeMfa } from "./mfa.ts";
import { showNewPassword, takeNewPassword } from "./new-password.ts";
import { showPasskey, takePasskey } from "./passkey.ts";
import { showCallback, takeProvider } from "./provider.ts";
import { showSignIn, takeSignIn } from "./sign-in.ts";
import { showSignOut, takeSignOut } from "./sign-out.ts";
import { showSignUp, takeSignUp } from "./sign-up.ts";
import { showSso, takeSso } from "./sso.ts";
import { showVerify, takeVerify } from "./verify-page.ts";

export const entryPages: readonly PageRoute[] = [
  { path: "/auth/ui/sign-in", show: forGuest(showSignIn), take: takeSignIn },
  { path: "/auth/ui/sign-up", show: forGuest(showSignUp), take: takeSignUp },
  { path: "/auth/ui/code", show: forGuest(showCode), take: takeCode },
  { path: "/auth/ui/recover", show: forGuest(showRecover), take: takeRecover },
  { path: "/auth/ui/verify", show: showVerify, take: takeVerify },
  {
    path: "/auth/ui/new-password",
    show: forMember(showNewPassword),
    take: fromMember(takeNewPassword),
  },
  { path: "/auth/ui/sso", show: forGuest(showSso), take: takeSso },
  { path: "/auth/ui/provider", take: takeProvider },
  { path: "/auth/ui/callback", show: showCallback },
  { path: "/auth/ui/passkey", show: showPasskey, take: takePasskey },
  { path: "/auth/ui/mfa", show: showMfa, take: takeMfa },
  { path: "/auth/ui/continue", show: showContinue },
  { path: "/auth/ui/sign-out", show: showSignOut, take: takeSignOut },
];
