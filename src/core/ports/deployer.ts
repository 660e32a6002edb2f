import type { CodeReport } from "../inspect-code.ts";
import type { TenantCtx } from "../tenant.ts";

/** One thing to be deployed, by content. */
export interface DeployItem {
  /** Unique within its section: a function's name. */
  readonly name: string;
  /** sha256 (hex) of the uploaded part. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Section-specific settings, validated by the deployer. */
  readonly settings: Readonly<Record<string, unknown>>;
  /**
   * False: what is deployed is kept beside what is in service, and gets no calls yet. `if_changed`: what
   * was deployed last of this name is left where somebody has moved it since. Default true.
   */
  readonly promote?: boolean | "if_changed" | undefined;
}

export interface DeployChange {
  readonly name: string;
  readonly action: "create" | "update" | "unchanged" | "remove";
  /** What it becomes: a version, a checksum. */
  readonly version: string;
  /** What the deployed code asks for, where code was looked at. */
  readonly report?: CodeReport | undefined;
}

/** A capability that takes part in `POST /_admin/deploy`; each section is applied in the server's fixed order. */
export interface Deployer {
  /** The section of the deploy manifest: `functions`, later `storage`, `jobs`, `sites`. */
  readonly section: string;
  /** What would change. Throws for items that could not be deployed. */
  plan(tenant: TenantCtx, items: readonly DeployItem[]): Promise<DeployChange[]>;
  /** Names of what is deployed now, in order. */
  names(tenant: TenantCtx): Promise<string[]>;
  /** Which of these parts (sha256, hex) it has from before: they need not be sent again. */
  holds?(tenant: TenantCtx, sha256: readonly string[]): Promise<Set<string>>;
  /**
   * Applies one item atomically; repeating it is harmless.
   * @param part null when `holds` named it
   */
  apply(tenant: TenantCtx, item: DeployItem, part: Uint8Array | null): Promise<DeployChange>;
  /**
   * Only after a whole project was applied, never after a part of it: removes what is not in `keep`,
   * where the section's settings allow that. What was removed.
   */
  prune?(tenant: TenantCtx, keep: readonly string[]): Promise<DeployChange[]>;
  /** How much of the server's own project could not be deployed, for health to tell. */
  keptBack?(tenant: TenantCtx, count: number): void;
}
