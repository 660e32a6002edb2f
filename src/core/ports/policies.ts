import type { Principal } from "./auth.ts";

/** One question: may this caller do this? */
export interface PolicyRequest {
  readonly principal: Principal;
  /** `area:resource:action`, as in `functions:hello:invoke`. No wildcards. */
  readonly action: string;
  readonly request?: { readonly method: string; readonly address: string };
}

export interface PolicyDecision {
  readonly allowed: boolean;
  /** The policy that decided; null where none is about the action, or none of them allows it. */
  readonly policy: string | null;
}

/** What one policy had to say. */
export interface PolicyVerdict {
  readonly policy: string;
  readonly effect: "allow" | "deny";
  /** `failed`: its condition could not be evaluated, which counts as a refusal. */
  readonly outcome: "applies" | "does not apply" | "failed";
  /** Why it failed. */
  readonly error: string | null;
  /** Parts of the condition as they stand, and what each was worth, innermost first. */
  readonly trace: readonly { readonly text: string; readonly value: unknown }[];
}

export interface PolicyExplanation extends PolicyDecision {
  readonly action: string;
  /** One sentence. */
  readonly reason: string;
  /** Of every policy that is about the action. */
  readonly verdicts: readonly PolicyVerdict[];
}

/**
 * The `[[policies]]` of reactor.toml: what is not a table, and so has no row security. An action that
 * no policy is about is allowed. Otherwise a `deny` that applies, or whose condition fails, refuses;
 * and where there are `allow` policies about it, one of them must apply. The project's secret key
 * passes by, as it does by row security.
 */
export interface Policies {
  decide(request: PolicyRequest): PolicyDecision;
  explain(request: PolicyRequest): PolicyExplanation;
}
