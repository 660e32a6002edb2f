/**
 * `[runtime]` of reactor.toml: what every function gets unless its own `[[functions]]` entry says
 * otherwise, and how long the server remembers what functions did.
 */
import { type Static, Type } from "@sinclair/typebox";

const count = (fallback: number, minimum: number, maximum: number, description: string) =>
  Type.Integer({ default: fallback, minimum, maximum, description });

const setting = (description: string, secret = false) =>
  Type.String({ default: "", maxLength: 4_096, description, ...(secret ? { secret } : {}) });

export const functionsConfig = Type.Object(
  {
    deadline_ms: count(
      30_000,
      1,
      900_000,
      "How long a call may take in whole, milliseconds. Past it the function is killed and the caller gets 504.",
    ),
    memory_mb: count(
      256,
      16,
      4_096,
      "Memory of one instance, MiB. Past it the instance is killed.",
    ),
    body_in_mb: count(64, 1, 1_024, "Largest request body of a call, MiB."),
    body_out_mb: count(0, 0, 65_536, "Largest body of an answer, MiB. 0: no bound."),
    concurrency: count(
      64,
      1,
      1_000,
      "Calls at work at one time in one process of a TypeScript function.",
    ),
    queue: count(
      128,
      0,
      10_000,
      "Calls of one function that may wait beyond those at work. Further ones get 429.",
    ),
    idle_s: count(
      600,
      1,
      86_400,
      "A process without calls for so long is ended, and a WASM module given up, seconds.",
    ),
    code_max_mb: count(32, 1, 512, "Largest bundle or module that can be deployed, MiB."),
    prune: Type.Boolean({
      default: false,
      description:
        "A deploy of a project also removes the functions that the project no longer has. Off: they stay until deleted.",
    }),
    versions_kept: count(
      20,
      2,
      1_000,
      "Versions kept of each function for rollback, beside the active one.",
    ),
    log_lines_kept: count(10_000, 100, 1_000_000, "Newest log lines kept of each function."),
    invocations_kept: count(10_000, 100, 1_000_000, "Newest invocations kept of each function."),
    invocations_sample: Type.Number({
      default: 1,
      minimum: 0,
      maximum: 1,
      description:
        "Share of calls that are recorded as invocations. Calls that fail (5xx, or an error of the runtime) are always recorded; metrics count all of them.",
    }),
    poll_ms: count(
      5_000,
      100,
      600_000,
      "How often a server looks for changes made by other servers, in case a notification was lost, milliseconds.",
    ),
    egress: Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
      default: ["*"],
      maxItems: 64,
      description:
        'Hosts that functions may send requests to, where their own settings name none: "api.example.com", "*.example.com" for all below, "*" for every public host. Private networks are never among them.',
    }),
    egress_private: Type.Array(Type.String({ minLength: 2, maxLength: 64 }), {
      default: [],
      maxItems: 64,
      description:
        'Addresses in private networks that functions may reach all the same, e.g. ["10.0.0.5", "192.168.7.0/24"].',
    }),
    lambda: Type.Object(
      {
        region: setting("Region of AWS where neither the function nor its environment names one."),
        access_key_id: setting("Access key for functions whose environment has none."),
        secret_access_key: setting("Secret of that access key.", true),
        session_token: setting("Session token of temporary credentials.", true),
        endpoint: setting("Origin that stands for AWS, for emulators. Empty: AWS itself."),
      },
      { description: "How functions on AWS Lambda are reached." },
    ),
    jail: Type.Object(
      {
        minimum: Type.Union(
          ["none", "weak", "standard", "full"].map((level) => Type.Literal(level)),
          {
            default: "none",
            description:
              "Least isolation of functions from the server. The server does not start where it cannot be had.",
          },
        ),
      },
      { description: "Isolation of functions." },
    ),
  },
  { description: "How functions run." },
);

export type FunctionsConfig = Static<typeof functionsConfig>;
