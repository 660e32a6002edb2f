/** What the pages refuse by themselves; shown as a page, never as JSON. */
import { defineErrors } from "../../../core/errors.ts";

export const uiErrors = defineErrors({
  cross_site_request: () => ({
    status: 403,
    message: "This form was sent from another site",
    hint: "Open the page itself and send the form from there",
  }),
  form_expired: () => ({
    status: 403,
    message: "This form has expired",
    hint: "Go back, load the page anew and send it again; cookies must be allowed",
  }),
  redirect_not_allowed: () => ({
    status: 400,
    message: "This app's address is not one that people are sent to from here",
    hint: "Whoever runs the app lists it in auth.redirect_urls",
  }),
  login_without_challenge: () => ({
    status: 400,
    message: "This app asked for a sign-in without a PKCE challenge",
    hint: "The app sends code_challenge and code_challenge_method=s256 with redirect_to",
  }),
});
