/** What is handed to capabilities on a database of somebody else's: pools, and the ports in memory. */

import type { MailConfig } from "../../core/config/mail-section.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { createMemoryBus } from "../../shared/bus/memory-bus.ts";
import { createMemoryEvents } from "../../shared/events/memory-events.ts";
import { createMemoryIdempotency } from "../../shared/idempotency/memory-idempotency.ts";
import { createMemoryKv } from "../../shared/kv/memory-kv.ts";
import { createMemoryLeases } from "../../shared/leases/memory-leases.ts";
import { createMemoryRateLimiter } from "../../shared/limits/memory-rate-limiter.ts";
import { openMail } from "../../shared/mail/open-mail.ts";
import { createMetrics } from "../../shared/metrics.ts";
import { loadProject } from "../../shared/project.ts";
import { createProjectCache } from "../../shared/project-cache.ts";
import { createMemoryVault } from "../../shared/vault/memory-vault.ts";
import { createRequestMetrics } from "../edge/request-metrics.ts";
import { openDatabases, type SharedOptions, type SharedParts } from "./shared-parts.ts";

export function buildForeignParts(options: Omit<SharedOptions, "openVault">): SharedParts {
  const { clock, ids, log, steps } = options;
  const metrics = createMetrics();
  const databases = openDatabases(options, metrics);
  steps.onClose("pools", () => databases.close());
  const bus = createMemoryBus(log);
  const kv = createMemoryKv(clock);
  const idempotency = createMemoryIdempotency(clock, ids);
  // Nobody puts anything into it: whoever needs a vault is not served here.
  const vault = createMemoryVault();
  const load = (tenant: TenantCtx) => loadProject({ vault, tenant, ids, publicUrl: "" });
  const projects = createProjectCache({ load, bus, clock, log });
  return {
    metrics,
    traffic: createRequestMetrics(metrics),
    databases,
    bus,
    events: createMemoryEvents(clock, bus),
    leases: createMemoryLeases(clock),
    kv,
    policies: options.policies,
    rateLimiter: createMemoryRateLimiter(clock),
    idempotency,
    vault,
    mail: openMail({ ...options, vault, config: options.config.section<MailConfig>("mail") }),
    vaultAdmin: null,
    sweepers: [kv, idempotency],
    projects,
    project: projects.of,
  };
}
