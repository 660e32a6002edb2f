/** Settings of sign-ins through others: flows that end in a browser, providers, linking. */
import { Type } from "@sinclair/typebox";

export const providerSettings = {
  pkce_plain: Type.Boolean({
    default: false,
    description:
      "Takes PKCE challenges of method `plain`, which clients send from pages without https",
  }),
  flow_code_ttl_s: Type.Integer({
    minimum: 30,
    maximum: 600,
    default: 300,
    description: "How long the code that ends a sign-in in the browser can be exchanged, seconds",
  }),
  rate_limit_token_exchange: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 100,
    description: "Codes and id tokens exchanged per minute and address",
  }),
};
