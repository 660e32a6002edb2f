/**
 * The Lambda runtime: functions that run on AWS, and handlers written for AWS that run here, in the
 * processes of the Bun runtime. Which of the two a version is, its code says.
 */
import { readFile } from "node:fs/promises";
import { coreErrors } from "../../core/errors.ts";
import type {
  AnswerHeaders,
  FunctionAnswer,
  FunctionCall,
  FunctionRuntime,
} from "../../core/ports/function-runtime.ts";
import { LruMap } from "../../shared/lru-map.ts";
import { ActiveCall } from "../bun/active-call.ts";
import { runtimeErrors } from "../errors.ts";
import { onAbort } from "../on-abort.ts";
import type { FullRuntimeOptions } from "../options.ts";
import { callRemote } from "./remote-call.ts";
import { type LambdaTarget, readTarget } from "./target.ts";

/** Calls on AWS at one time per function: each holds its event and its answer in memory. */
const CALLS_MAX = 256;
const TARGETS_REMEMBERED = 10_000;

export class LambdaRuntime implements FunctionRuntime {
  readonly kind = "lambda";
  readonly jail: FunctionRuntime["jail"];
  readonly #options: FullRuntimeOptions;
  readonly #local: FunctionRuntime;
  /** By path of the code, which its hash names. Null: a handler to run here. */
  readonly #targets = new LruMap<string, LambdaTarget | null>(TARGETS_REMEMBERED);
  /** By name of the function and version: calls at work. */
  readonly #working = new Map<string, Set<ActiveCall>>();
  #stopping = false;

  /** @param local runs handlers here */
  constructor(options: FullRuntimeOptions, local: FunctionRuntime) {
    this.#options = options;
    this.#local = local;
    this.jail = local.jail;
  }

  async invoke(call: FunctionCall): Promise<FunctionAnswer> {
    const target = await this.#targetOf(call.spec.codePath, call.spec.name);
    if (target === null) return await this.#local.invoke(call);
    if (this.#stopping) throw coreErrors.unavailable("The functions runtime");
    const active = this.#begin(call);
    try {
      return await partsOf(active, await callRemote(active, target, this.#options));
    } catch (error) {
      active.finish();
      throw active.failure ?? error;
    }
  }

  #begin(call: FunctionCall): ActiveCall {
    const { name, version, limits } = call.spec;
    const key = `${name}@${version}`;
    const working = this.#working.get(key) ?? new Set();
    if (working.size >= CALLS_MAX) throw runtimeErrors.function_busy(name, CALLS_MAX, 0);
    const active = new ActiveCall(call);
    this.#working.set(key, working.add(active));
    active.onFinish(() => {
      working.delete(active);
      if (working.size === 0) this.#working.delete(key);
    });
    const overrun = () => {
      const { function_timeout, function_upload_timeout } = runtimeErrors;
      const error = active.uploading ? function_upload_timeout : function_timeout;
      active.abort(error(name, limits.deadlineMs));
    };
    active.onFinish(this.#options.clock.after(limits.deadlineMs, overrun));
    const leave = () => active.abort(runtimeErrors.client_closed_request());
    active.onFinish(onAbort(call.request.signal, leave));
    return active;
  }

  async #targetOf(codePath: string, name: string): Promise<LambdaTarget | null> {
    const known = this.#targets.get(codePath);
    if (known !== undefined) return known;
    const read = readTarget(await readFile(codePath));
    if (typeof read === "string") {
      throw runtimeErrors.function_failed(`The target of the function "${name}": ${read}`);
    }
    this.#targets.set(codePath, read);
    return read;
  }

  async prepare(spec: FunctionCall["spec"]): Promise<void> {
    const target = await this.#targetOf(spec.codePath, spec.name);
    if (target === null) await this.#local.prepare(spec);
  }

  async retire(name: string, version: string): Promise<void> {
    await this.#local.retire(name, version);
  }

  /** Those of the runtime that runs handlers are its own to tell. */
  processes(): [] {
    return [];
  }

  async start(): Promise<void> {
    this.#stopping = false;
  }

  async stop(budgetMs: number): Promise<void> {
    this.#stopping = true;
    const calls = [...this.#working.values()].flatMap((working) => [...working]);
    if (calls.length === 0) return;
    const ended = calls.map((active) => new Promise<void>((done) => active.onFinish(done)));
    const over = new AbortController();
    const patience = this.#options.clock.sleep(budgetMs, over.signal).catch(() => undefined);
    await Promise.race([Promise.all(ended), patience]);
    over.abort();
    for (const active of calls) {
      active.abort(coreErrors.unavailable("The functions runtime"));
      active.finish();
    }
  }
}

/** An answer that is all there is taken whole: then it has a length. */
async function partsOf(active: ActiveCall, response: Response): Promise<FunctionAnswer> {
  const { status, statusText, headers, body } = response;
  const isWhole = body !== null && active.isFinished;
  const parts = { status, statusText, headers: headers.toJSON() as AnswerHeaders, cold: false };
  return { ...parts, body: isWhole ? await response.bytes() : body };
}
