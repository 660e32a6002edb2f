/** What `/openapi.json` says of each route: summaries, bodies and answers, beside the code that serves them. */
import { type TSchema, Type } from "@sinclair/typebox";

const json = (schema: TSchema) => ({ "application/json": { schema } });
const tags = ["auth"];

export const user = Type.Object(
  {
    id: Type.String({ format: "uuid" }),
    aud: Type.String(),
    role: Type.String(),
    email: Type.String(),
    app_metadata: Type.Object({}),
    user_metadata: Type.Object({}),
  },
  { additionalProperties: true, title: "User" },
);
export const tokens = Type.Object(
  {
    access_token: Type.String({ description: "JWT" }),
    token_type: Type.Literal("bearer"),
    expires_in: Type.Integer({ description: "Seconds" }),
    expires_at: Type.Integer({ description: "Seconds since the epoch" }),
    refresh_token: Type.String({ description: "Used once" }),
    user,
  },
  { title: "Session" },
);
const fault = Type.Object(
  {
    code: Type.String(),
    message: Type.String(),
    details: Type.Union([Type.String(), Type.Null()]),
    hint: Type.Union([Type.String(), Type.Null()]),
  },
  { title: "Error" },
);
const email = Type.String({ maxLength: 255 });
const phone = Type.String({ description: "E.164", maxLength: 32 });
const pkce = {
  code_challenge: Type.Optional(Type.String()),
  code_challenge_method: Type.Optional(Type.String()),
};
const password = Type.String({ maxLength: 1024 });
const metadata = Type.Object({}, { additionalProperties: true });

interface DocOptions {
  readonly description: string;
  readonly body?: TSchema;
  /** Schema of the 200; null = 204. */
  readonly answer: TSchema | null;
  readonly open?: boolean;
}

export function doc(summary: string, { description, body, answer, open }: DocOptions) {
  const ok = answer
    ? { 200: { description: "Done", content: json(answer) } }
    : { 204: { description: "Done" } };
  return {
    detail: {
      summary,
      description,
      tags,
      security: open ? [{}, { apikey: [] }] : [{ bearer: [] }],
      ...(body ? { requestBody: { required: true, content: json(body) } } : {}),
      responses: { ...ok, default: { description: "Error", content: json(fault) } },
    },
  };
}

export const anything = Type.Object({}, { additionalProperties: true });

export const docs = {
  signUp: doc("Sign up", {
    description:
      "Makes an account by email or phone with a password, or, without either, for a guest. Answers a session, or the person alone where the address is to be confirmed. Takes an Idempotency-Key.",
    body: Type.Object({
      email: Type.Optional(email),
      phone: Type.Optional(phone),
      password: Type.Optional(password),
      data: Type.Optional(metadata),
      ...pkce,
    }),
    answer: tokens,
    open: true,
  }),
  token: doc("Sign in or refresh", {
    description:
      "grant_type=password takes email or phone and password, grant_type=refresh_token a refresh_token. The Authorization header is not read: a client that refreshes holds an expired token.",
    body: Type.Union([
      Type.Object({ email, password }),
      Type.Object({ phone, password }),
      Type.Object({ refresh_token: Type.String() }),
    ]),
    answer: tokens,
    open: true,
  }),
  getUser: doc("Current user", {
    description: "The person of the access token; checks that the session has not ended.",
    answer: user,
  }),
  updateUser: doc("Change the current user", {
    description:
      "A new password ends the person's other sessions, and may need a nonce. A new address or number is confirmed first.",
    body: Type.Object({
      email: Type.Optional(email),
      phone: Type.Optional(phone),
      password: Type.Optional(password),
      nonce: Type.Optional(Type.String()),
      ...pkce,
      data: Type.Optional(metadata),
    }),
    answer: user,
  }),
  logOut: doc("Sign out", {
    description: "scope=global (default), local or others.",
    answer: null,
  }),
  keys: doc("Public keys", { description: "RFC 7517 key set.", answer: anything, open: true }),
  issuer: doc("Discovery", {
    description: "Issuer and where its keys are.",
    answer: anything,
    open: true,
  }),
  settings: doc("Settings", {
    description: "Which ways in there are.",
    answer: anything,
    open: true,
  }),
  health: doc("Health of auth", {
    description: "Name of what answers here.",
    answer: anything,
    open: true,
  }),
  verify: doc("Verify credentials", {
    description:
      "Answers who the credentials of this very request belong to; for servers whose auth runs here.",
    answer: anything,
    open: true,
  }),
  adminCreateUser: doc("Create a user", {
    description: "Needs the secret key.",
    body: Type.Object({
      email,
      password: Type.Optional(password),
      id: Type.Optional(Type.String({ format: "uuid" })),
      role: Type.Optional(Type.String()),
      email_confirm: Type.Optional(Type.Boolean()),
      user_metadata: Type.Optional(metadata),
      app_metadata: Type.Optional(metadata),
      ban_duration: Type.Optional(Type.String()),
    }),
    answer: user,
  }),
  adminListUsers: doc("List users", {
    description:
      "page and per_page (at most 1000); filter (part of an address, number or name, or an id), provider, role, banned, confirmed, anonymous, deleted, created_after, created_before; sort is created_at, updated_at, last_sign_in_at or email, then asc or desc. Needs the secret key.",
    answer: Type.Object({ users: Type.Array(user), aud: Type.String() }),
  }),
  adminGetUser: doc("Get a user", { description: "Needs the secret key.", answer: user }),
  adminDeleteUser: doc("Delete a user", {
    description: "should_soft_delete empties the account but keeps its id. Needs the secret key.",
    answer: anything,
  }),
};
