/**
 * Presence between servers over a network that loses, repeats and reorders, with servers that die,
 * come back and are cut off: once it is quiet, everybody sees exactly who is there.
 */
import { describe, expect, test } from "bun:test";
import {
  Cluster,
  HEARTBEAT_MS,
  MISSED_MAX,
} from "../../src/capabilities/data/realtime/channels/cluster.ts";
import {
  type Presence,
  PresenceState,
} from "../../src/capabilities/data/realtime/channels/presence-state.ts";
import type { Bus, BusMessage } from "../../src/core/ports/bus.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { silentLog } from "../support/postgres.ts";
import { createSeededRng, type SeededRng } from "../support/seeded-rng.ts";
import { createSimClock, type SimClock } from "../support/sim-clock.ts";

/** More than a peer may be silent. */
const QUIET_MS = (MISSED_MAX + 4) * HEARTBEAT_MS;

/** A Bus for each server over one network. */
class Network {
  readonly #clock: SimClock;
  readonly #rng: SeededRng;
  readonly #inboxes = new Map<string, (message: BusMessage) => void>();
  readonly #gaps = new Map<string, () => void>();
  readonly cutOff = new Set<string>();
  isRough = false;

  constructor(clock: SimClock, rng: SeededRng) {
    this.#clock = clock;
    this.#rng = rng;
  }

  busOf(name: string): Bus {
    return {
      publish: async (_tenant, topic, payload) => {
        if (this.cutOff.has(name)) throw new Error("no connection");
        for (const other of this.#inboxes.keys()) this.#carry(other, { topic, payload });
      },
      subscribe: async (_tenant, _topic, onMessage, onGap) => {
        this.#inboxes.set(name, onMessage);
        this.#gaps.set(name, onGap ?? (() => undefined));
        return async () => this.#leave(name);
      },
    };
  }

  /** Its connection is there again. */
  heal(name: string): void {
    if (this.cutOff.delete(name)) this.#gaps.get(name)?.();
  }

  /** Without a word, as a power cut would. */
  kill(name: string): void {
    this.cutOff.add(name);
    this.#leave(name);
  }

  #leave(name: string): void {
    this.#inboxes.delete(name);
    this.#gaps.delete(name);
  }

  #carry(to: string, message: BusMessage): void {
    const copies = this.isRough ? this.#rng.pick([0, 1, 1, 1, 1, 2]) : 1;
    for (let copy = 0; copy < copies; copy++) {
      const delay = this.isRough ? this.#rng.below(2_000) : 1;
      this.#clock.after(delay, () => {
        if (!this.cutOff.has(to)) this.#inboxes.get(to)?.(message);
      });
    }
  }
}

class Server {
  readonly name: string;
  readonly own = new Map<string, Presence>();
  readonly state: PresenceState;
  /** What subscribers were told, put together. */
  readonly told = new Map<string, string>();
  readonly cluster: Cluster;
  #refs = 0;

  constructor(name: string, clock: SimClock, network: Network) {
    this.name = name;
    this.state = new PresenceState(name, (change, { ref, meta }) => {
      // A presence is told once and taken back once.
      expect(this.told.has(ref)).toBe(change === "leave");
      if (change === "join") this.told.set(ref, meta);
      else this.told.delete(ref);
    });
    this.cluster = new Cluster({
      ...{ bus: network.busOf(name), clock, log: silentLog, tenant: DEFAULT_TENANT, self: name },
      openSeal: () =>
        Promise.resolve({ seal: (text: string) => text, open: (text: string) => text }),
      presence: this.state,
      onBroadcast: () => undefined,
    });
  }

  track(topic: string, key: string): void {
    this.#refs += 1;
    const ref = `${this.name}.${this.#refs}`;
    const presence = { ref, topic, key, meta: `{"n":${this.#refs}}` };
    this.own.set(ref, presence);
    this.state.add(presence);
  }

  untrack(rng: SeededRng): void {
    const refs = [...this.own.keys()];
    if (refs.length === 0) return;
    const ref = rng.pick(refs);
    this.own.delete(ref);
    this.state.remove(ref);
  }
}

interface World {
  readonly clock: SimClock;
  readonly rng: SeededRng;
  readonly network: Network;
  servers: Server[];
  made: number;
}

const TOPICS = ["u:a", "p:a", "u:b"];

async function openWorld(seed: number, count: number): Promise<World> {
  const clock = createSimClock();
  const rng = createSeededRng(seed);
  const network = new Network(clock, rng);
  const world: World = { clock, rng, network, servers: [], made: 0 };
  for (let n = 0; n < count; n++) await addServer(world);
  return world;
}

async function addServer(world: World): Promise<Server> {
  world.made += 1;
  const server = new Server(`s${world.made}`, world.clock, world.network);
  const starting = server.cluster.start();
  await world.clock.advance(3_000);
  await starting;
  world.servers.push(server);
  return server;
}

async function step(world: World): Promise<void> {
  const { rng, network, clock } = world;
  const server = rng.pick(world.servers);
  const dice = rng.below(100);
  if (dice < 45) server.track(rng.pick(TOPICS), rng.pick(["k1", "k2", "k3"]));
  else if (dice < 75) server.untrack(rng);
  else if (dice < 85) server.cluster.flush();
  else if (dice < 89) network.cutOff.add(server.name);
  else if (dice < 94) network.heal(server.name);
  else if (dice < 96 && world.servers.length > 2) {
    network.kill(server.name);
    world.servers = world.servers.filter((s) => s !== server);
  } else if (dice < 98 && world.servers.length > 2) {
    await server.cluster.stop();
    world.servers = world.servers.filter((s) => s !== server);
  } else if (world.servers.length < 6) await addServer(world);
  await clock.advance(rng.below(3_000));
}

function seenBy(server: Server): string[] {
  return TOPICS.flatMap((topic) => server.state.list(topic))
    .map(({ ref, topic, key, meta }) => `${topic} ${key} ${ref} ${meta}`)
    .sort();
}

function truth(world: World): string[] {
  return world.servers
    .flatMap((server) => [...server.own.values()])
    .map(({ ref, topic, key, meta }) => `${topic} ${key} ${ref} ${meta}`)
    .sort();
}

async function calm(world: World): Promise<void> {
  world.network.isRough = false;
  for (const server of world.servers) world.network.heal(server.name);
  for (const server of world.servers) server.cluster.flush();
  await world.clock.advance(QUIET_MS);
}

describe("presence between servers", () => {
  test.each(Array.from({ length: 60 }, (_, seed) => seed))("seed %i converges", async (seed) => {
    const world = await openWorld(seed, 3);
    world.network.isRough = true;
    for (let n = 0; n < 60; n++) await step(world);
    await calm(world);
    const expected = truth(world);
    for (const server of world.servers) {
      expect(seenBy(server)).toEqual(expected);
      expect([...server.told.keys()].sort()).toEqual(
        expected.map((line) => line.split(" ")[2] ?? "").sort(),
      );
    }
  });

  test("a server that dies takes its presences with it; one that only was cut off keeps them", async () => {
    const world = await openWorld(1, 3);
    const [a, b, c] = world.servers as [Server, Server, Server];
    for (const server of [a, b, c]) server.track("u:a", server.name);
    await calm(world);
    world.network.cutOff.add("s2");
    world.network.kill("s3");
    await world.clock.advance(HEARTBEAT_MS);
    expect(seenBy(a)).toHaveLength(3);
    await world.clock.advance(QUIET_MS);
    expect(seenBy(a)).toEqual(['u:a s1 s1.1 {"n":1}']);
    // Cut off, it cannot tell whether the others live: it keeps what it knew.
    expect(seenBy(b)).toHaveLength(3);
    world.network.heal("s2");
    await world.clock.advance(QUIET_MS);
    expect(seenBy(a)).toHaveLength(2);
    expect(seenBy(b)).toEqual(seenBy(a));
  });

  test("a newcomer learns of presences larger than one message", async () => {
    const world = await openWorld(2, 1);
    const [first] = world.servers as [Server];
    for (let n = 0; n < 2_000; n++) {
      const meta = JSON.stringify({ n, pad: "x".repeat(500) });
      first.state.add({ ref: `s1.x${n}`, topic: "u:a", key: "k", meta });
    }
    const second = await addServer(world);
    await world.clock.advance(1_000);
    expect(seenBy(second)).toHaveLength(2_000);
  });

  test("a server that is alone sends no heartbeats, and none of its broadcasts", async () => {
    const world = await openWorld(3, 1);
    const [only] = world.servers as [Server];
    await world.clock.advance(3 * HEARTBEAT_MS);
    expect(only.cluster.isAlone).toBe(true);
    const second = await addServer(world);
    expect([only.cluster.isAlone, second.cluster.isAlone]).toEqual([false, false]);
    await second.cluster.stop();
    await world.clock.advance(1_000);
    expect(only.cluster.isAlone).toBe(true);
  });
});
