/**
 * The source of changes: the write-ahead log, where it is a logical one and the owner may read it, else
 * triggers that write changes down.
 */
import type { Clock } from "../../../../core/ports/clock.ts";
import type { TenantDatabase } from "../../../../core/ports/database.ts";
import type { Logger } from "../../../../core/ports/log.ts";
import type { Rng } from "../../../../core/ports/rng.ts";
import type { DataRoom } from "../../room.ts";
import type { ChangeSource } from "./change-source.ts";
import { feedErrors } from "./errors.ts";
import { readSupport } from "./slot-store.ts";
import { TriggerSource } from "./trigger-source.ts";
import { WalSource } from "./wal-source.ts";

export interface ChooseOptions {
  readonly room: DataRoom;
  database(): TenantDatabase;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
}

/** @throws realtime_unavailable where the log is asked for and cannot be read */
export async function chooseSource(options: ChooseOptions): Promise<ChangeSource> {
  const { room, database, log } = options;
  const { config, searchPaths } = room;
  const { walLevel, mayReplicate, keepMb } = await readSupport(database().system);
  const { realtime_source: asked } = config;
  const common = {
    ...options,
    publication: config.realtime_publication,
    serves: (schema: string) => searchPaths.has(schema),
    maxRowBytes: config.realtime_window_bytes / 4,
  };
  const isReadable = walLevel === "logical" && mayReplicate;
  if (asked === "triggers" || (asked === "auto" && !isReadable)) {
    log.info("realtime.source", { source: "triggers", wal_level: walLevel });
    return new TriggerSource({ ...common, windowMs: config.realtime_window_ms });
  }
  if (!isReadable) {
    throw feedErrors.realtime_unavailable(
      walLevel === "logical"
        ? "The owner of the database may not replicate"
        : `The database's wal_level is ${walLevel}, not logical`,
    );
  }
  if (keepMb < 0) {
    log.warn("realtime.wal_unbounded", {
      hint: "Set max_slot_wal_keep_size: while no server runs, the feed's slot keeps the log",
    });
  }
  return new WalSource(common);
}
