/** The errors of organisations. Their form is that of all of `/auth/v1`; GoTrue has none of them. */
import { defineErrors } from "../../../core/errors.ts";

export const orgErrors = defineErrors({
  org_not_found: () => ({ status: 404, message: "You belong to no such organisation" }),
  org_permission_denied: (needed: string) => ({
    status: 403,
    message: "Your role in this organisation does not allow this",
    details: `It needs ${needed}`,
  }),
  org_escalation: () => ({
    status: 403,
    message: "That is more than your own role allows",
    hint: "Nobody gives away, or takes away, more than they may do themselves; ask an owner",
  }),
  /** @param slugs of those that would have none, where it is not the one that was asked about */
  last_owner: (slugs: readonly string[] = []) => ({
    status: 409,
    message: "An organisation keeps at least one owner",
    ...(slugs.length === 0 ? {} : { details: `The only owner of ${slugs.join(", ")}` }),
    hint: "Make somebody else an owner first, or remove the organisation",
  }),
  orgs_disabled: () => ({
    status: 403,
    message: "Organisations are made by the administrators of this service",
  }),
  org_needs_account: () => ({
    status: 403,
    message: "Somebody anonymous makes no organisations",
    hint: "Add an address or another way to sign in first",
  }),
  org_limit_reached: (limit: number) => ({
    status: 422,
    message: `You have made ${limit} organisations, which is as many as one person may`,
  }),
  org_full: (what: string, limit: number) => ({
    status: 422,
    message: `An organisation has at most ${limit} ${what}`,
  }),
  org_slug_taken: () => ({ status: 422, message: "This slug is taken" }),
  org_member_not_found: () => ({ status: 404, message: "The organisation has no such member" }),
  org_member_exists: () => ({ status: 422, message: "That person is a member already" }),
  org_role_not_found: () => ({ status: 422, message: "The organisation has no such role" }),
  org_role_built_in: (name: string) => ({
    status: 422,
    message: `The role ${name} is built in and cannot be changed`,
  }),
  org_role_exists: () => ({ status: 422, message: "The organisation has this role already" }),
  org_role_in_use: () => ({
    status: 409,
    message: "Members hold this role",
    hint: "Give them another one first",
  }),
  team_not_found: () => ({ status: 404, message: "The organisation has no such team" }),
  team_name_taken: () => ({ status: 422, message: "Another team has this name" }),
  invitation_not_found: () => ({
    status: 404,
    message: "This invitation is not valid, or not for you",
    hint: "It may have expired, been used or withdrawn, or be for another mail address",
  }),
});
