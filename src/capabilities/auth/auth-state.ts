/**
 * What every operation of identity works with: settings, ports and the few things that are built
 * once per server (the hashing queue, the signer). Made in `mount`, handed down by argument.
 */
import type { Sql } from "postgres";
import type { BreachFilter } from "../../core/breach-filter.ts";
import type { Deps } from "../../core/capability.ts";
import type { AuthClient } from "../../core/ports/auth.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { createHashThreads, type HashThreads } from "./accounts/hash-threads.ts";
import { createPasswordHasher, type PasswordHasher } from "./accounts/password-hasher.ts";
import type { AuthConfig } from "./config.ts";
import { checkDefence } from "./defence/check-settings.ts";
import { openFilter } from "./defence/open-filter.ts";
import { type Hooks, readHooks } from "./hooks/hook-target.ts";
import { deliverParcel } from "./messages/deliver-parcel.ts";
import { createOutbox, type Outbox } from "./messages/outbox.ts";
import { createOutgoingStore } from "./messages/outgoing-store.ts";
import { openSmsProvider, type SmsProvider } from "./messages/sms-provider.ts";
import { loadTemplates, type Templates } from "./messages/templates.ts";
import type { OrgDirectory } from "./orgs/org-directory.ts";
import { loadAttestationPolicy } from "./passkeys/attestation-policy.ts";
import type { AttestationPolicy } from "./passkeys/webauthn/attestation.ts";
import { createProviders, type Providers } from "./providers/providers.ts";
import { createTokenSigner, type TokenSigner } from "./sessions/sign-token.ts";

export interface AuthState {
  readonly config: AuthConfig;
  readonly deps: Deps;
  readonly hasher: PasswordHasher;
  readonly hashThreads: HashThreads;
  readonly signer: TokenSigner;
  /** Sign-in through others. */
  readonly providers: Providers;
  /** What of the project's own runs at which moment; absent = none. */
  readonly hooks: Hooks;
  readonly templates: Templates;
  /** Messages that leave after the answer. */
  readonly outbox: Outbox;
  /** Null: text messages are only shown in the inbox. */
  readonly sms: SmsProvider | null;
  readonly breachedFilter: BreachFilter | null;
  /** What new authenticators must say of themselves. */
  readonly attestation: AttestationPolicy;
  /** Who credentials belong to: the port this capability provides. */
  readonly client: AuthClient;
  /** In which organisations people are; tells servers of changes. */
  readonly orgs: OrgDirectory;
  /** The owner's connection of a tenant's database. */
  sql(tenant: TenantCtx): Sql;
  /** Now, as kept in rows. */
  now(): Date;
}

/** Who called, as far as an operation needs to know: for rows, limits and the audit log. */
export interface Caller {
  readonly tenant: TenantCtx;
  /** After trusted proxies; `unix` on a Unix socket. */
  readonly address: string;
  readonly userAgent: string | null;
  /** Scheme and authority by which they reached us, as they say; see `messages/link-base.ts`. */
  readonly origin?: string;
  /** Holds the secret key: acts for many people, so limits per address do not fit. */
  readonly isService: boolean;
  readonly log: Logger;
}

/** @throws StartupError config_invalid, template_invalid */
export function createAuthState(
  config: AuthConfig,
  deps: Deps,
  client: AuthClient,
  orgs: OrgDirectory,
): AuthState {
  checkDefence(config);
  const hashThreads = createHashThreads(deps.clock);
  const hasher = createPasswordHasher({
    memoryKib: config.hash_memory_kib,
    iterations: config.hash_iterations,
    concurrency: config.hash_concurrency,
    queueMax: config.hash_queue_max,
    rng: deps.rng,
    computer: hashThreads,
  });
  const waiting = deps.metrics.gauge("reactor_auth_hashes_waiting", "Password hashes in the queue");
  deps.metrics.onCollect(() => waiting.set({}, hasher.waiting()));
  const sql = (tenant: TenantCtx) => deps.databases.for(tenant).system;
  const state: AuthState = {
    config,
    deps,
    hasher,
    hashThreads,
    signer: createTokenSigner(),
    providers: createProviders(config, deps.clock),
    hooks: readHooks(config.hooks, deps.vault),
    templates: loadTemplates({
      dir: config.templates_dir,
      projectDir: deps.server.projectDir,
      fresh: deps.server.development,
    }),
    outbox: createOutbox({
      ...deps,
      store: (tenant) => createOutgoingStore(sql(tenant)),
      deliver: (tenant, row) => deliverParcel(state, tenant, row),
    }),
    sms: openSmsProvider(config.sms, deps),
    breachedFilter: openFilter(config.breached_passwords, deps.server.projectDir),
    attestation: loadAttestationPolicy(config, deps.server.projectDir ?? "."),
    client,
    orgs,
    sql,
    now: () => new Date(deps.clock.now()),
  };
  return state;
}
