/**
 * From `[auth.providers.<name>]` to a provider that can be asked: what is set wins over what is known
 * of it (`known-providers.txt`), and an issuer's discovery document tells the rest when it is needed.
 */
import { StartupError } from "../../../core/startup-error.ts";
import type { ProviderSettings } from "./config.ts";
import type { ClientAuth, KnownProvider, PersonSource, Pkce } from "./known-providers.ts";

export interface Provider {
  /** As in the configuration, in `provider=` and in `auth.identities`. */
  readonly name: string;
  /** What is known of it, by this name; `custom` when nothing is. */
  readonly type: string;
  readonly settings: ProviderSettings;
  /** Null: by discovery. */
  readonly authorizeUrl: string | null;
  readonly tokenUrl: string | null;
  readonly issuer: string | null;
  readonly person: PersonSource | null;
  readonly emailsUrl: string | null;
  readonly authorizeParams: Readonly<Record<string, string>>;
  readonly clientAuth: ClientAuth;
  readonly pkce: Pkce;
  readonly claims: Readonly<Record<string, string>>;
  readonly scopes: readonly string[];
  readonly flags: Readonly<Record<string, string>>;
}

/** Claims of OpenID Connect Core 1.0 §5.1 under GoTrue's names. */
export const OIDC_CLAIMS = {
  sub: "sub",
  email: "email",
  email_verified: "email_verified",
  name: "name",
  full_name: "name",
  given_name: "given_name",
  family_name: "family_name",
  nickname: "nickname",
  preferred_username: "preferred_username",
  user_name: "preferred_username",
  picture: "picture",
  avatar_url: "picture",
  locale: "locale",
} as const;

/** @throws StartupError that says which setting is missing: found at the start, not at a sign-in */
export function resolveProvider(
  name: string,
  settings: ProviderSettings,
  known: ReadonlyMap<string, KnownProvider>,
): Provider {
  const fault = (what: string) =>
    new StartupError({
      code: "config_invalid",
      message: `auth.providers.${name}: ${what}`,
      hint: "docs/auth.md has the settings of a provider",
    });
  const isOwn = settings.issuer !== undefined || settings.authorize_url !== undefined;
  const row = known.get(settings.type ?? name.replace(/^custom:/, "")) ?? null;
  if (settings.type !== undefined && !row) throw fault(`no provider of type ${settings.type}`);
  if (!row && !isOwn) throw fault("set issuer, or authorize_url, token_url and user_url");
  if (!row && settings.issuer === undefined && !(settings.token_url && settings.user_url)) {
    throw fault("authorize_url also needs token_url and user_url");
  }
  const fill = (template: string | null) => template && fillIn(template, settings, fault);
  const person: PersonSource | null = settings.user_url
    ? { kind: "url", url: settings.user_url, method: "GET" }
    : fillPerson(row?.person ?? null, fill);
  return {
    name,
    type: row?.name ?? "custom",
    settings,
    authorizeUrl: settings.authorize_url ?? fill(row?.authorizeUrl ?? null),
    tokenUrl: settings.token_url ?? fill(row?.tokenUrl ?? null),
    issuer: settings.issuer ?? fill(row?.issuer ?? null),
    person,
    emailsUrl: fill(row?.emailsUrl ?? null),
    authorizeParams: { ...row?.authorizeParams, ...settings.authorize_params },
    clientAuth: settings.client_auth ?? defaultAuth(settings, row),
    pkce: settings.pkce ?? row?.pkce ?? "s256",
    claims:
      row?.claims && !isOwn
        ? { ...row.claims, ...settings.claims }
        : { ...OIDC_CLAIMS, ...settings.claims },
    scopes: settings.scopes ?? row?.scopes ?? defaultScopes(settings),
    flags: row?.flags ?? {},
  };
}

function defaultAuth(settings: ProviderSettings, row: KnownProvider | null): ClientAuth {
  if (row) return row.clientAuth;
  return settings.client_secret === undefined ? "public" : "basic";
}

const defaultScopes = ({ issuer }: ProviderSettings) =>
  issuer === undefined ? [] : ["openid", "email", "profile"];

function fillPerson(
  person: PersonSource | null,
  fill: (template: string) => string | null,
): PersonSource | null {
  if (!person || person.kind === "token") return person;
  return { ...person, url: fill(person.url) ?? "" };
}

function fillIn(template: string, settings: ProviderSettings, fault: (what: string) => Error) {
  return template.replace(
    /\{(url|domain|tenant|server)(?:=([^}]*))?\}/g,
    (_all, key: "url" | "domain" | "tenant" | "server", fallback: string | undefined) => {
      const value = settings[key] ?? fallback;
      if (value === undefined) throw fault(`needs ${key}`);
      return value.replace(/\/+$/, "");
    },
  );
}
