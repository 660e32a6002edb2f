/** All mutations, in the order of the way of a request: who it is, the edge, admin, data, the rest. */
import type { Mutation } from "./mutation.ts";
import { accounts } from "./places/accounts.ts";
import { apiKeys } from "./places/api-keys.ts";
import { changeFeed } from "./places/change-feed.ts";
import { channels } from "./places/channels.ts";
import { credentials } from "./places/credentials.ts";
import { data } from "./places/data.ts";
import { dataTokens } from "./places/data-tokens.ts";
import { dataWrites } from "./places/data-writes.ts";
import { factors } from "./places/factors.ts";
import { functions } from "./places/functions.ts";
import { keys } from "./places/keys.ts";
import { mailed } from "./places/mailed.ts";
import { messages } from "./places/messages.ts";
import { oauth } from "./places/oauth.ts";
import { orgs } from "./places/orgs.ts";
import { pages } from "./places/pages.ts";
import { policies } from "./places/policies.ts";
import { providers } from "./places/providers.ts";
import { server } from "./places/server.ts";
import { sharedReads } from "./places/shared-reads.ts";
import { sharedState } from "./places/shared-state.ts";

export const mutations: readonly Mutation[] = [
  ...credentials,
  ...keys,
  ...server,
  ...data,
  ...dataTokens,
  ...dataWrites,
  ...sharedReads,
  ...channels,
  ...changeFeed,
  ...sharedState,
  ...accounts,
  ...mailed,
  ...messages,
  ...providers,
  ...factors,
  ...functions,
  ...orgs,
  ...oauth,
  ...apiKeys,
  ...policies,
  ...pages,
];
