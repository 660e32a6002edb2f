/** The `postgres_changes` of one channel: its bindings as subscriptions of the change feed. */
import { coreErrors, ReactorError } from "../../../../core/errors.ts";
import { permits } from "../../../../core/permissions.ts";
import type { Principal } from "../../../../core/ports/auth.ts";
import { scopeOf } from "../../needed-scopes.ts";
import type { Change, ChangeInterest, ChangeSubscription, ChangeType } from "../change-feed.ts";
import { parseRowFilter } from "../parse-row-filter.ts";
import type { Channel } from "./channel.ts";
import type { ChangeBinding } from "./join-request.ts";
import { pickMembers } from "./pick-members.ts";
import { Refusal } from "./prove-token.ts";
import { splitFilter } from "./split-filter.ts";

/** After a subscription was refused for want of something, or ended by itself. */
const RETRY_MS = 5_000;
const ALL_TYPES: readonly ChangeType[] = ["INSERT", "UPDATE", "DELETE"];

export class ChannelChanges {
  readonly #channel: Channel;
  readonly #bindings: readonly ChangeBinding[];
  #subscriptions: ChangeSubscription[] = [];
  #isSubscribed = false;
  #isClosed = false;
  /** Grows with each attempt: what an earlier one still brings is not wanted. */
  #attempt = 0;
  #cancelRetry: () => void = () => undefined;

  constructor(channel: Channel, bindings: readonly ChangeBinding[]) {
    this.#channel = channel;
    this.#bindings = bindings;
  }

  /** JSON text: the bindings as they were sent, each with the id that its changes will name. */
  describe(): string {
    return JSON.stringify(this.#bindings.map(({ sent }, at) => ({ ...sent, id: at + 1 })));
  }

  /** Subscribes before the join is answered. @throws Refusal */
  async await(timeoutMs: number): Promise<void> {
    if (this.#bindings.length === 0) return;
    const { clock } = this.#channel.session.room;
    const enough = new AbortController();
    const late = clock.sleep(timeoutMs, enough.signal).then(() => {
      const message = `Timed out after ${timeoutMs}ms waiting for the postgres_changes subscription`;
      throw new Refusal("PostgresChangesSubscribeTimeout", message);
    });
    // Aborted once the subscription stands; only its being first matters.
    late.catch(() => undefined);
    try {
      await Promise.race([this.#subscribe(), late]);
    } catch (error) {
      if (!(error instanceof ReactorError)) throw error;
      throw new Refusal("RealtimeDisabledForConfiguration", wordsOf(error));
    } finally {
      enough.abort(new Error("decided"));
    }
  }

  /** The join was answered. */
  opened(): void {
    if (this.#isSubscribed) this.#tellSubscribed();
    else if (this.#bindings.length > 0) void this.#keepSubscribing();
  }

  update(principal: Principal): void {
    const missing = this.#missingScope(principal);
    if (missing !== null) {
      this.#drop();
      this.#failed(coreErrors.insufficient_scope(missing));
    }
    for (const subscription of this.#subscriptions) subscription.update(principal);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRetry();
    this.#drop();
  }

  #drop(): void {
    this.#attempt += 1;
    this.#isSubscribed = false;
    for (const subscription of this.#subscriptions.splice(0)) subscription.close();
  }

  async #keepSubscribing(): Promise<void> {
    if (this.#isClosed) return;
    try {
      await this.#subscribe();
      if (this.#isSubscribed) this.#tellSubscribed();
    } catch (error) {
      if (!this.#isClosed) this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const { room, init } = this.#channel.session;
    const isKnown = error instanceof ReactorError || error instanceof Refusal;
    if (!isKnown) room.log.error("realtime.subscribe_failed", { tenant: init.tenant.id, error });
    const words = isKnown ? wordsOf(error) : "The subscription could not be made";
    this.#channel.system("postgres_changes", "error", words);
    // What the client asked wrongly will not become right.
    const isFinal = error instanceof ReactorError ? error.status < 500 : isKnown;
    if (!isFinal) this.#retryLater();
  }

  #retryLater(): void {
    this.#cancelRetry();
    const { clock } = this.#channel.session.room;
    this.#cancelRetry = clock.after(RETRY_MS, () => void this.#keepSubscribing());
  }

  #tellSubscribed(): void {
    this.#channel.system("postgres_changes", "ok", "Subscribed to PostgreSQL");
  }

  /** What an API key lacks of `data:<table>:read`. */
  #missingScope(principal: Principal): string | null {
    const needed = this.#bindings.map(({ schema, table }) =>
      table === null || schema === "*" ? "data:*:read" : scopeOf({ schema, name: table }, "read"),
    );
    return needed.find((scope) => !permits(principal, scope)) ?? null;
  }

  async #subscribe(): Promise<void> {
    this.#drop();
    const missing = this.#missingScope(this.#channel.principal);
    if (missing !== null) throw coreErrors.insufficient_scope(missing);
    const attempt = this.#attempt;
    try {
      for (const [at, binding] of this.#bindings.entries()) {
        await this.#subscribeOne(at + 1, binding, attempt);
      }
    } catch (error) {
      if (attempt === this.#attempt) this.#drop();
      throw error;
    }
    if (attempt === this.#attempt) this.#isSubscribed = true;
  }

  async #subscribeOne(id: number, binding: ChangeBinding, attempt: number): Promise<void> {
    const { session, principal } = this.#channel;
    const { feed } = session.room;
    if (!feed) throw new Refusal("RealtimeDisabled", "This server has no feed of changes");
    for (const schema of await this.#schemasOf(binding)) {
      const interest = interestOf(binding, schema, principal, session.room.config.max_in_list);
      const subscription = await feed.subscribe(session.init.tenant, interest, {
        change: (change) => this.#send(id, binding, change, attempt),
        gap: (reason) => this.#gap(reason, attempt),
        ended: (reason) => this.#ended(reason, attempt),
      });
      if (attempt !== this.#attempt) return subscription.close();
      this.#subscriptions.push(subscription);
      // A token that was refreshed while this was on its way.
      if (this.#channel.principal !== principal) subscription.update(this.#channel.principal);
    }
  }

  async #schemasOf({ schema }: ChangeBinding): Promise<readonly string[]> {
    const { room, init } = this.#channel.session;
    return schema === "*" ? (await room.served(init.tenant)).schemas : [schema];
  }

  #send(id: number, { select }: ChangeBinding, change: Change, attempt: number): void {
    if (attempt !== this.#attempt) return;
    this.#channel.push("postgres_changes", `{"ids":[${id}],"data":${writeChange(change, select)}}`);
  }

  #gap(reason: string, attempt: number): void {
    if (attempt !== this.#attempt) return;
    this.#channel.system("postgres_changes", "error", `Changes may be missing: ${reason}`);
  }

  #ended(reason: string, attempt: number): void {
    if (attempt !== this.#attempt) return;
    this.#drop();
    this.#channel.system("postgres_changes", "error", `The subscription has ended: ${reason}`);
    this.#retryLater();
  }
}

/** @throws Refusal, PGRST100, in_list_too_long */
function interestOf(
  binding: ChangeBinding,
  schema: string,
  principal: Principal,
  maxListSize: number,
): ChangeInterest {
  const event = binding.event.toUpperCase();
  const types = event === "*" ? ALL_TYPES : ALL_TYPES.filter((type) => type === event);
  if (types.length === 0) throw new Refusal("InvalidBinding", `There is no event ${binding.event}`);
  const parts = splitFilter(binding.filter);
  if (!parts) throw new Refusal("InvalidBinding", `The filter ${binding.filter} cannot be read`);
  return {
    principal,
    schema,
    table: binding.table,
    types: new Set(types),
    filters: parts.map(({ column, text }) => parseRowFilter(column, text, maxListSize)),
  };
}

function wordsOf(error: Error): string {
  if (!(error instanceof ReactorError)) return error.message;
  const more = [error.details, error.hint].filter((text) => text !== null).join(" ");
  return more === ""
    ? `${error.code}: ${error.message}`
    : `${error.code}: ${error.message} (${more})`;
}

/** The member `data` of a change, as clients expect it. */
export function writeChange(change: Change, select: readonly string[] | null): string {
  const names = select === null ? null : new Set(select);
  const pick = (object: string) => (names === null ? object : pickMembers(object, names));
  const columns =
    names === null ? change.columns : change.columns.filter(({ name }) => names.has(name));
  const { schema, table, type, commitTimestamp: commit_timestamp, record, oldRecord } = change;
  const head = JSON.stringify({ schema, table, type, commit_timestamp, errors: null, columns });
  const records =
    (record === null ? "" : `,"record":${pick(record)}`) +
    (oldRecord === null ? "" : `,"old_record":${pick(oldRecord)}`);
  return `${head.slice(0, -1)}${records}}`;
}
