/** Tables of migrations/system/0004_deploy.sql, as Drizzle sees them. */
import { customType, pgSchema, text, timestamp, uuid } from "drizzle-orm/pg-core";

const bytea = customType<{ data: Uint8Array }>({ dataType: () => "bytea" });
/** The driver below writes JSON itself; Drizzle's own type would make it a string inside JSON. */
const json = customType<{ data: object; driverData: object }>({ dataType: () => "jsonb" });
const reactor = pgSchema("reactor");

export const deployParts = reactor.table("deploy_parts", {
  sha256: text("sha256").primaryKey(),
  bytes: bytea("bytes").notNull(),
  createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
});

export const deployments = reactor.table("deployments", {
  id: uuid("id").primaryKey(),
  status: text("status").notNull(),
  report: json("report").notNull(),
  createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
});
