/** `[auth.oauth_server]`: this server as an OAuth 2.1 and OpenID Connect provider. */
import { Type } from "@sinclair/typebox";

const perMinute = (description: string, fallback: number) =>
  Type.Integer({ minimum: 1, maximum: 1_000_000, default: fallback, description });

const texts = (description: string, fallback: readonly string[] = []) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 2048 }), {
    maxItems: 100,
    default: [...fallback],
    description,
  });

export const oauthServerConfig = Type.Object(
  {
    enabled: Type.Boolean({
      default: true,
      description: "Lets other apps sign people in with their account here",
    }),
    dynamic_registration: Type.Boolean({
      default: true,
      description: "Lets any client register itself (RFC 7591), as MCP clients do",
    }),
    dynamic_clients_max: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 1000,
      description: "Clients that have registered themselves, at most",
    }),
    dynamic_client_unused_s: Type.Integer({
      minimum: 600,
      default: 86_400,
      description: "A self-registered client that nobody signed in with is removed after, seconds",
    }),
    scopes: texts(
      "Scopes of this app that clients may ask for, beside openid, profile, email, phone and offline_access; those like data:notes:read or data:*:read are enforced",
    ),
    enforce_scopes: Type.Boolean({
      default: false,
      description:
        "Lets clients do in the data API and functions only what scopes like data:notes:read say; false: a client without such scopes may do what its person may",
    }),
    default_scope: Type.String({
      default: "email",
      maxLength: 1024,
      description: "Scopes of a request that names none, separated by spaces",
    }),
    resources: texts(
      "Resource servers elsewhere that clients may ask tokens for (RFC 8707), as absolute URIs; such tokens are refused here",
    ),
    redirect_schemes: texts(
      "Private-use URI schemes without a dot that redirect URIs may have; those with a dot (com.example.app) always may",
      ["cursor"],
    ),
    consent_url: Type.String({
      default: "",
      maxLength: 2048,
      description:
        "Your own consent page, which is opened with ?authorization_id=; empty = the ready one",
    }),
    authorization_ttl_s: Type.Integer({
      minimum: 60,
      maximum: 3600,
      default: 600,
      description: "How long a person may take to sign in and agree, seconds",
    }),
    device_code_ttl_s: Type.Integer({
      minimum: 60,
      maximum: 3600,
      default: 600,
      description: "How long a device code may be typed in, seconds",
    }),
    refresh_token_grace_s: Type.Integer({
      minimum: 0,
      maximum: 300,
      default: 0,
      description:
        "How long a client's used refresh token still answers with its successor, seconds; 0 = its second use ends the session",
    }),
    rate_limit_authorize: perMinute(
      "Authorization requests per minute and address, and decisions per minute and person",
      120,
    ),
    rate_limit_token: perMinute(
      "Token, introspection and revocation requests per minute and address",
      300,
    ),
    rate_limit_client: perMinute(
      "The same per minute for a client that proved to hold its secret, from any address",
      3000,
    ),
    rate_limit_register: perMinute("Registrations of clients per minute and address", 10),
    rate_limit_device: perMinute("Device codes asked for per minute and address", 30),
    rate_limit_user_code: perMinute("Device codes typed in per minute and person", 10),
  },
  { additionalProperties: false },
);
