/**
 * A person as somebody else vouches for them: an OAuth or OpenID Connect provider, an id token, a
 * SAML assertion. Every one of them is brought into this form before the rule book
 * (`sign-in-identity.ts`) sees it.
 */
import { fitsUserMetadata, mergeMetadata } from "../accounts/metadata.ts";
import type { JsonObject } from "../schema.ts";

export interface ExternalIdentity {
  /** Name of the provider; `sso:<id>` for SAML, whose people are never joined with others. */
  readonly provider: string;
  /** The provider's own id of the person (`sub`), 1 to 255 characters. Never the address. */
  readonly providerId: string;
  /** As the provider sent it; null when it sent none. */
  readonly email: string | null;
  /** True only where the provider itself says that it verified the address. */
  readonly emailVerified: boolean;
  /** An account without an address may be made. */
  readonly emailOptional: boolean;
  /** What the provider says of the person; bounded by `profileOf`. */
  readonly claims: JsonObject;
}

/** Claims that are kept, under GoTrue's names; the first ones when there is no room for all. */
const KEPT = [
  "iss",
  "name",
  "full_name",
  "avatar_url",
  "user_name",
  "preferred_username",
  "given_name",
  "family_name",
  "middle_name",
  "nickname",
  "picture",
  "profile",
  "website",
  "locale",
  "zoneinfo",
] as const;
const TEXT_MAX = 300;
/** JSON bytes of a profile: half of what metadata may have. */
const PROFILE_BYTES_MAX = 1536;
/** JSON bytes of `custom_claims`, which stand in every access token of the person. */
const CUSTOM_BYTES_MAX = 768;

export const isSso = (provider: string) => provider.startsWith("sso:");

/**
 * `identity_data`, and what is laid over the person's metadata: known claims of sane length and
 * nothing else, since a provider's answer may be of any size and shape.
 */
export function profileOf(identity: ExternalIdentity, email: string | null): JsonObject {
  const { claims, providerId } = identity;
  let profile: JsonObject = {
    ...(email === null ? {} : { email }),
    email_verified: email !== null && identity.emailVerified,
    phone_verified: false,
    provider_id: providerId,
    sub: providerId,
  };
  for (const name of KEPT) {
    const value = claims[name];
    const isText = typeof value === "string" && value !== "" && value.length <= TEXT_MAX;
    const wider = { ...profile, [name]: value as string };
    if (isText && isStorable(value) && sizeOf(wider) <= PROFILE_BYTES_MAX) profile = wider;
  }
  return { ...profile, ...customClaims(claims) };
}

function customClaims({ custom_claims: custom }: JsonObject): JsonObject {
  if (custom == null || typeof custom !== "object" || Array.isArray(custom)) return {};
  const fits = sizeOf(custom as JsonObject) <= CUSTOM_BYTES_MAX;
  return fits && isStorable(JSON.stringify(custom)) ? { custom_claims: custom } : {};
}

/** The profile laid over a person's metadata, unless there is no room for both. */
export function withProfile(metadata: JsonObject | null, profile: JsonObject): JsonObject {
  const merged = mergeMetadata(metadata, profile);
  return fitsUserMetadata(merged) ? merged : (metadata ?? {});
}

const sizeOf = (value: JsonObject) => Buffer.byteLength(JSON.stringify(value));

/** Postgres holds neither NUL nor half a surrogate pair. */
const isStorable = (text: string) =>
  !text.includes("\u0000") && !text.includes("\\u0000") && text.isWellFormed();
