/**
 * The `RequestContext` of one request, as the edge makes it. A class, because a closure per method
 * and request costs more than the route of a read by id.
 */
import type { RequestContext, SocketHandler } from "../../core/context.ts";
import type { AskedAction, AuthClient, Principal } from "../../core/ports/auth.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { type BearerMemory, readCredentials } from "../../shared/auth/credentials.ts";
import { holdBack } from "../../shared/auth/hold-back.ts";
import { requireUnscoped } from "../../shared/auth/require-unscoped.ts";

/** The listener a request came through: answers differ between a TCP and a Unix socket. */
export interface Arrival {
  /** Address of the peer; `unix` on a Unix socket. */
  readonly peer: string;
  readonly secure: boolean;
  /** Aborted when the listener drains. */
  readonly closing: AbortSignal;
  /** What `timeout` returns to once an answer is on its way. */
  readonly idleTimeoutS: number;
  /** Seconds; 0 switches the idle timeout of this request's connection off. */
  timeout(seconds: number): void;
  upgrade(handler: SocketHandler, headers: Readonly<Record<string, string>>): boolean;
}

export interface EdgeContextInit {
  readonly id: string;
  readonly tenant: TenantCtx;
  addressOf(peer: string, headers: Headers): string;
  readonly origin: string;
  readonly path: string;
  readonly originalPath: string;
  readonly startedAt: number;
  readonly log: Logger;
  readonly headers: Headers;
  readonly auth: AuthClient;
  readonly bearers: BearerMemory;
  /** Of a request that names an approval. */
  readonly action: AskedAction | null;
  readonly arrival: Arrival;
}

export class EdgeContext implements RequestContext {
  readonly id: string;
  readonly tenant: TenantCtx;
  readonly peer: string;
  readonly secure: boolean;
  readonly origin: string;
  readonly path: string;
  readonly originalPath: string;
  readonly startedAt: number;
  route = "unmatched";
  /** True after `upgrade`: the listener must not answer. */
  upgraded = false;
  /** True after `keepOpen`: the answer may be quiet for long. */
  keptOpen = false;
  loggedFromStatus = 0;
  echoesRequestId = false;
  readonly #init: EdgeContextInit;
  #address: string | undefined;
  #log: Logger | undefined;
  #principal: Promise<Principal> | Principal | undefined;

  constructor(init: EdgeContextInit) {
    this.#init = init;
    this.id = init.id;
    this.tenant = init.tenant;
    this.peer = init.arrival.peer;
    this.secure = init.arrival.secure;
    this.origin = init.origin;
    this.path = init.path;
    this.originalPath = init.originalPath;
    this.startedAt = init.startedAt;
  }

  /** Few requests ask for it, and reading it costs a parse. */
  get address(): string {
    this.#address ??= this.#init.addressOf(this.peer, this.#init.headers);
    return this.#address;
  }

  get closing(): AbortSignal {
    return this.#init.arrival.closing;
  }

  get log(): Logger {
    this.#log ??= this.#init.log.with({ request_id: this.id, tenant: this.tenant.id });
    return this.#log;
  }

  principal(): Promise<Principal> | Principal {
    const proven = this.scopedPrincipal();
    return proven instanceof Promise ? proven.then(requireUnscoped) : requireUnscoped(proven);
  }

  scopedPrincipal(): Promise<Principal> | Principal {
    this.#principal ??=
      this.#init.action === null ? this.#prove() : holdBack((rechecks) => this.#prove(rechecks));
    return this.#principal;
  }

  #prove(rechecks = false): Promise<Principal> | Principal {
    const { auth, headers, action, bearers } = this.#init;
    const sent = readCredentials(headers, bearers);
    const credentials = { ...sent, checksScopes: true, rechecks, action };
    return auth.authenticate(this.tenant, credentials);
  }

  keepOpen(): void {
    this.keptOpen = true;
    this.#init.arrival.timeout(0);
  }

  upgrade(handler: SocketHandler, headers: Readonly<Record<string, string>> = {}): boolean {
    this.upgraded = this.#init.arrival.upgrade(handler, { ...headers, "X-Request-Id": this.id });
    return this.upgraded;
  }
}
