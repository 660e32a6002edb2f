/** Settings of organisations: part of `[auth]`. */
import { Type } from "@sinclair/typebox";

const perMinute = (description: string, fallback: number) =>
  Type.Integer({ minimum: 1, maximum: 1_000_000, default: fallback, description });

export const orgsConfig = {
  orgs_self_service: Type.Boolean({
    default: true,
    description: "People may make organisations; off: only the secret key does",
  }),
  orgs_per_user_max: Type.Integer({
    minimum: 1,
    maximum: 1000,
    default: 20,
    description: "Organisations that one person may have made",
  }),
  rate_limit_orgs: perMinute("Requests to the routes of organisations per minute and user", 300),
  rate_limit_org_invitations: perMinute("Invitations to one mail address per minute", 5),
};
