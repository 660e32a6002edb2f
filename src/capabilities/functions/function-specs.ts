/**
 * What a runtime is given of a version: its code on disk, limits, and the environment as it stands
 * now, with the secrets it refers to. Made once for each reading of the registry and then only
 * looked up, so that a call of a warm function waits for nothing here.
 */
import { secretReference } from "../../core/function-settings.ts";
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { FunctionsConfig } from "./config.ts";
import { functionsErrors } from "./errors.ts";
import {
  type ActiveFunction,
  effectiveEgress,
  effectiveInstances,
  effectiveLimits,
  type FunctionVersion,
} from "./function-version.ts";
import type { VariableValues } from "./variable-values.ts";

type Texts = Readonly<Record<string, string>>;

export interface SpecSource {
  readonly config: FunctionsConfig;
  readonly values: VariableValues;
  readonly log: Logger;
  /** The environment it was deployed with. */
  openEnv(found: ActiveFunction, version: FunctionVersion): Promise<Texts>;
  /** Path of the version's code on this server. */
  codePath(found: ActiveFunction, version: FunctionVersion): Promise<string>;
}

export class FunctionSpecs {
  readonly #source: SpecSource;
  /** A reading of the registry makes new objects, so what is known of old ones lapses by itself. */
  readonly #known = new WeakMap<FunctionVersion, FunctionSpec | Promise<FunctionSpec>>();

  constructor(source: SpecSource) {
    this.#source = source;
  }

  /**
   * The same object for all calls of a version until something changes.
   *
   * @throws function_not_configured when a secret it refers to is not set; what reading code throws
   */
  of(found: ActiveFunction, version: FunctionVersion): FunctionSpec | Promise<FunctionSpec> {
    const known = this.#known.get(version);
    if (known) return known;
    const making = this.#make(found, version);
    this.#known.set(version, making);
    making.then(
      (spec) => this.#known.set(version, spec),
      () => this.#known.delete(version),
    );
    return making;
  }

  async #make(found: ActiveFunction, version: FunctionVersion): Promise<FunctionSpec> {
    const { config } = this.#source;
    const [codePath, env, values] = await Promise.all([
      this.#source.codePath(found, version),
      this.#environment(found, version),
      this.#resolve(found, version.config),
    ]);
    return {
      name: found.name,
      version: version.version,
      runtime: version.runtime,
      codePath,
      entry: version.entry,
      config: values,
      env,
      limits: effectiveLimits(version, config),
      service: version.limits.service ?? false,
      instances: effectiveInstances(version),
      isolation: version.limits.isolation ?? "reuse",
      egress: effectiveEgress(version, config),
    };
  }

  /** Of all functions, then as deployed, then as set for this function: the later one counts. */
  async #environment(found: ActiveFunction, version: FunctionVersion): Promise<Texts> {
    const [shared, own] = await Promise.all([this.#set(found, null), this.#set(found, found.name)]);
    const opened = await this.#source.openEnv(found, version);
    const deployed = Object.entries(opened).filter(([name]) => !Object.hasOwn(own, name));
    return { ...shared, ...(await this.#resolve(found, Object.fromEntries(deployed))), ...own };
  }

  async #set(found: ActiveFunction, owner: string | null): Promise<Texts> {
    const wanted = found.variables.filter((one) => one.kind === "env" && one.owner === owner);
    const texts: Record<string, string> = {};
    for (const variable of wanted) {
      const value = await this.#source.values.read(variable);
      if (value !== null) texts[variable.name] = value;
    }
    return texts;
  }

  async #resolve(found: ActiveFunction, texts: Texts): Promise<Texts> {
    const missing: string[] = [];
    const resolved: Record<string, string> = {};
    for (const [key, text] of Object.entries(texts)) {
      const name = secretReference(text);
      const value = name === null ? text : await this.#source.values.secret(found, name);
      if (value === null) missing.push(name ?? key);
      else resolved[key] = value;
    }
    if (missing.length === 0) return resolved;
    this.#source.log.error("functions.secret_missing", {
      function: found.name,
      secrets: missing,
      hint: `reactor fn secrets set ${missing[0]} --function ${found.name}`,
    });
    throw functionsErrors.function_not_configured(found.name);
  }
}
