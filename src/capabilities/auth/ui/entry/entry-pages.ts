/** The pages by which people come in and go. */
import type { PageRoute } from "../page.ts";
import { forGuest } from "./arrive.ts";
import { showContinue } from "./continue.ts";
import { showMfa, takeMfa } from "./mfa.ts";
import { showPasskey, takePasskey } from "./passkey.ts";
import { showSignIn, takeSignIn } from "./sign-in.ts";
import { showSignOut, takeSignOut } from "./sign-out.ts";
import { showSignUp, takeSignUp } from "./sign-up.ts";

export const entryPages: readonly PageRoute[] = [
  { path: "/auth/ui/sign-in", show: forGuest(showSignIn), take: takeSignIn },
  { path: "/auth/ui/sign-up", show: forGuest(showSignUp), take: takeSignUp },
  { path: "/auth/ui/passkey", show: showPasskey, take: takePasskey },
  { path: "/auth/ui/mfa", show: showMfa, take: takeMfa },
  { path: "/auth/ui/continue", show: showContinue },
  { path: "/auth/ui/sign-out", show: showSignOut, take: takeSignOut },
];
