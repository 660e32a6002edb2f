/** The unchanged client against servers that share a database, and short ways to say what it does. */
import { createClient, type RealtimeChannel, type SupabaseClient } from "@supabase/supabase-js";
import { openDirect } from "../../src/postgres/databases.ts";
import { silentLog } from "../support/postgres.ts";

const OPTIONS = { auth: { persistSession: false, autoRefreshToken: false } };

/** What a client has to know of a server. */
export interface ChannelServer {
  readonly url: string;
  readonly publishableKey: string;
  readonly secretKey: string;
  readonly ownerUrl: string;
}

/** Clients that a test opened; `closeClients` ends them. */
const opened: SupabaseClient[] = [];

export interface ClientOptions {
  readonly key?: string;
  readonly vsn?: "1.0.0" | "2.0.0";
  readonly token?: string | (() => string);
}

export function clientOf(server: ChannelServer, options: ClientOptions = {}): SupabaseClient {
  const { key = server.publishableKey, vsn = "2.0.0", token } = options;
  const client = createClient(server.url, key, {
    ...OPTIONS,
    realtime: { vsn },
    ...(token === undefined
      ? {}
      : { accessToken: async () => (typeof token === "string" ? token : token()) }),
  });
  opened.push(client);
  return client;
}

/** A client that has its token: without waiting it might join with the key alone, and try again. */
export async function memberOf(
  server: ChannelServer,
  token: string | (() => string),
  options: ClientOptions = {},
): Promise<SupabaseClient> {
  const client = clientOf(server, { ...options, token });
  await client.realtime.setAuth();
  return client;
}

export async function closeClients(): Promise<void> {
  const clients = opened.splice(0);
  await Promise.all(clients.map((client) => client.realtime.disconnect()));
}

/** Resolves with the first status the client tells of, and its error. */
export function subscribed(channel: RealtimeChannel): Promise<{ status: string; error?: string }> {
  return new Promise((resolve) => {
    channel.subscribe((status, error) => {
      resolve(error ? { status, error: error.message } : { status });
    });
  });
}

export async function join(channel: RealtimeChannel): Promise<RealtimeChannel> {
  const answer = await subscribed(channel);
  if (answer.status !== "SUBSCRIBED") throw new Error(JSON.stringify(answer));
  return channel;
}

/** Collects what a channel hears of one event. */
export function hears(channel: RealtimeChannel, event = "*"): Record<string, unknown>[] {
  const heard: Record<string, unknown>[] = [];
  channel.on("broadcast", { event }, (message) => heard.push(message));
  return heard;
}

/** Runs statements as the owner. */
export async function asOwner(server: ChannelServer, statement: string) {
  const sql = openDirect(server.ownerUrl, silentLog);
  try {
    return [...(await sql.unsafe(statement))];
  } finally {
    await sql.end();
  }
}
