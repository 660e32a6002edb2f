/** Settings of API keys: part of `[auth]`. */
import { Type } from "@sinclair/typebox";

export const apiKeysConfig = {
  api_keys: Type.Boolean({
    default: true,
    description: "People and organisations may have API keys; off: none is accepted",
  }),
  api_keys_agent_approval: Type.Boolean({
    default: false,
    description: "Keys of agents work only once somebody has approved them",
  }),
  rate_limit_api_key: Type.Integer({
    minimum: 0,
    maximum: 10_000_000,
    default: 0,
    description: "Requests per minute with one API key that has no limit of its own; 0 = any",
  }),
  rate_limit_api_keys: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 60,
    description: "Requests to the routes that manage API keys per minute and user",
  }),
};
