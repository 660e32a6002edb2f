/** What `/openapi.json` says of the routes of API keys. */
import { Type } from "@sinclair/typebox";
import { doc } from "../http/route-docs.ts";

const time = Type.Union([Type.String({ format: "date-time" }), Type.Null()]);
const id = Type.String({ format: "uuid" });
const scopes = Type.Array(Type.String({ description: "area:resource:action" }));
const budget = Type.Union([
  Type.Object({
    limit: Type.Integer({ minimum: 1, description: "Requests" }),
    period: Type.Union([Type.Literal("day"), Type.Literal("month"), Type.Literal("total")]),
  }),
  Type.Null(),
]);
const rate = Type.Union([Type.Integer({ minimum: 1 }), Type.Null()], {
  description: "Requests per minute",
});
const key = Type.Object(
  {
    id,
    kind: Type.String({ description: "user, org, service or agent" }),
    name: Type.String(),
    prefix: Type.String(),
    scopes,
    status: Type.String({ description: "pending, active or revoked" }),
    expires_at: time,
    rate_limit: rate,
    budget,
    last_used_at: time,
  },
  { additionalProperties: true, title: "ApiKey" },
);
const shown = Type.Intersect([
  key,
  Type.Object({ key: Type.String({ description: "Only here" }) }),
]);
const changes = {
  name: Type.Optional(Type.String({ maxLength: 100 })),
  expires_at: Type.Optional(time),
  expires_in: Type.Optional(Type.Integer({ minimum: 1, description: "Seconds" })),
  rate_limit: Type.Optional(rate),
  budget: Type.Optional(budget),
};

export const keyDocs = {
  list: doc("List API keys", {
    description:
      "The caller's own and their agents', or those of ?org=. Needs auth:keys:read there.",
    answer: Type.Object({ api_keys: Type.Array(key) }),
  }),
  create: doc("Make an API key", {
    description:
      "The only answer that shows it. In an organisation needs auth:keys:create and all that the scopes allow. Takes an Idempotency-Key.",
    body: Type.Object({
      ...changes,
      name: Type.String({ maxLength: 100 }),
      kind: Type.Optional(Type.String({ description: "user (default), agent, org or service" })),
      scopes,
      org: Type.Optional(Type.String({ description: "Id or slug" })),
      requires_approval: Type.Optional(Type.Boolean()),
      user_id: Type.Optional(id),
      role: Type.Optional(Type.String()),
    }),
    answer: shown,
  }),
  get: doc("Get an API key", { description: "Never its secret.", answer: key }),
  update: doc("Change an API key", {
    description: "Absent members stay, null takes a limit away.",
    body: Type.Object({ ...changes, scopes: Type.Optional(scopes) }),
    answer: key,
  }),
  revoke: doc("Revoke an API key", {
    description: "Ends it on every server within a second.",
    answer: null,
  }),
  rotate: doc("Rotate an API key", {
    description: "A new secret; those before go on for overlap_s seconds (default 3600).",
    body: Type.Object({ overlap_s: Type.Optional(Type.Integer({ minimum: 0 })) }),
    answer: shown,
  }),
  approve: doc("Approve an API key", {
    description: "One that waits for it begins to work.",
    answer: key,
  }),
  approvals: doc("List what waits for approval", {
    description:
      "Single requests that keys waiting for approval asked for: of the caller's own keys, or those of ?org= (auth:keys:approve).",
    answer: Type.Object({
      approvals: Type.Array(
        Type.Object(
          {
            id,
            key_id: id,
            key_name: Type.String(),
            method: Type.String(),
            target: Type.String({ description: "Path and query" }),
            headers: Type.String({ description: "Lines of name: value" }),
            body: Type.String(),
            body_bytes: Type.Integer(),
            expires_at: time,
          },
          { additionalProperties: true },
        ),
      ),
    }),
  }),
  approveAction: doc("Approve one request", {
    description: "It may be sent once, within an hour.",
    answer: null,
  }),
  denyAction: doc("Deny one request", { description: "The key is told.", answer: null }),
};
