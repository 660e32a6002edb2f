/** The change feed of all tenants, and the service that ends it with the server. */
import type { Service } from "../../../../core/service.ts";
import { PerTenant } from "../../../../shared/per-tenant.ts";
import type { ChangeFeed } from "../change-feed.ts";
import type { FeedDeps } from "./feed-deps.ts";
import { type FeedSubscription, TenantFeed } from "./tenant-feed.ts";

export interface ManagedChangeFeed extends ChangeFeed {
  subscribe(...args: Parameters<ChangeFeed["subscribe"]>): Promise<FeedSubscription>;
  readonly service: Service;
}

export function createChangeFeed(deps: FeedDeps): ManagedChangeFeed {
  const feeds = new PerTenant((tenant) => new TenantFeed(deps, tenant));
  const subscribers = deps.metrics.gauge(
    "reactor_realtime_subscriptions",
    "Subscriptions to changes of tables",
  );
  deps.metrics.onCollect(() => {
    const sum = feeds.values().reduce((total, feed) => total + feed.subscribers, 0);
    subscribers.set({}, sum);
  });
  return {
    subscribe: (tenant, interest, sink, after) =>
      feeds.of(tenant).subscribe(interest, sink, after ?? null),
    service: {
      name: "data.change_feed",
      scope: "process",
      async start() {},
      async stop() {
        await Promise.all(feeds.values().map((feed) => feed.stop()));
      },
    },
  };
}
