/** The pages under `/auth/ui`, each a path with what shows it and what takes its form. */
import { type AnyElysia, Elysia } from "elysia";
import type { AuthState } from "../auth-state.ts";
import { accountPages } from "./account/account-pages.ts";
import { answerAsset } from "./assets.ts";
import { entryPages } from "./entry/entry-pages.ts";
import { grantPages } from "./grants/grant-pages.ts";
import { showPage, takeForm } from "./page.ts";

const hidden = { detail: { hide: true } } as const;
const raw = { parse: "none", ...hidden } as const;

const PAGES = [...entryPages, ...grantPages, ...accountPages];

export function uiRoutes(state: AuthState) {
  let routes: AnyElysia = new Elysia({ name: "auth.ui" });
  if (!state.config.ui.enabled) return routes;
  for (const { path, show, take } of PAGES) {
    if (show) routes = routes.get(path, ({ request }) => showPage(state, request, show), hidden);
    if (take) routes = routes.post(path, ({ request }) => takeForm(state, request, take), raw);
  }
  return routes.get(
    "/auth/ui/_assets/:name",
    ({ params }) => answerAsset(state, params["name"]),
    hidden,
  );
}
