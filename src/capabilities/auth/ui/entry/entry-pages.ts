/** The pages by which people come in and go. */
import type { PageRoute } from "../page.ts";
import { showSignIn, takeSignIn } from "./sign-in.ts";
import { showSignOut, takeSignOut } from "./sign-out.ts";
import { showSignUp, takeSignUp } from "./sign-up.ts";

export const entryPages: readonly PageRoute[] = [
  { path: "/auth/ui/sign-in", show: showSignIn, take: takeSignIn },
  { path: "/auth/ui/sign-up", show: showSignUp, take: takeSignUp },
  { path: "/auth/ui/sign-out", show: showSignOut, take: takeSignOut },
];
