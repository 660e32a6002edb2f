/** Where a tenant's changes come from. */
import type { Table } from "../../schema/schema.ts";
import type { Position } from "./position.ts";
import type { RawChange } from "./raw-change.ts";

export interface SourceStart {
  readonly incarnation: string;
  /** Everything after this will come, some of it perhaps again. */
  readonly floor: Position;
  /** Where the database is now; positions beyond it have never been. */
  readonly current: Position;
}

export interface SourceSink {
  /** Called at each (re)connection, before anything else. */
  started(start: SourceStart): void;
  /** It does not work for the moment, and why. */
  failing(error: unknown): void;
  /** In order; one that is known already is left out. */
  change(change: RawChange): void;
  /** Everything up to and including `position` has come. */
  progress(position: Position): void;
  /** A piece is complete: whoever waits may look. */
  flush(): void;
  /** Resolves when more can be taken. */
  room(): Promise<void>;
  /** What is no longer needed after a restart: everything before this commit. */
  confirmable(): bigint;
}

export interface ChangeSource {
  /**
   * Reads until the signal, through lost connections and restarts of the database. Rejects with the
   * signal's reason, or `realtime_unavailable` when it cannot work at all.
   */
  run(signal: AbortSignal, sink: SourceSink): Promise<void>;
  /** Has the table's changes told, where being in the publication is not enough. @throws 42501 */
  follow?(table: Table): Promise<void>;
  /** Everything that commits after this call comes behind this position. */
  now(): Promise<Position>;
  /** Nobody needs it any more: what it keeps in the database goes. */
  remove(): Promise<void>;
}
