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
});
