/**
 * The servers that the rows are sent to. One kind a process: from source in this very process, or the
 * compiled executable (`REACTOR_CONFORMANCE=executable`, as the suite of that name sets it).
 */
import postgres, { type Sql } from "postgres";
import { parseDatabaseUrl, postgresJsOptions } from "../../../src/postgres/url.ts";
import { systemClock } from "../../../src/shared/clock.ts";
import { testPostgres } from "../../support/postgres.ts";
import { projectOf } from "../../support/row-world.ts";
import type { RowWorld } from "../../support/rows.ts";
import { startTestServer } from "../../support/server.ts";
import { forge } from "../../support/token-forge.ts";
import type { Role } from "./kit.ts";

const PROJECT = "test/conformance/data/project";
const ROLES: readonly Role[] = ["harbour_clerk", "harbour_master", "harbour_visitor"];
/** Every token's `sub`. */
const SUBJECT = "01890000-0000-7000-8000-0000000000aa";

export type DataSettings = Readonly<Record<string, unknown>>;

export interface ConformanceWorld extends RowWorld {
  /** Brings back what the rows have changed. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** One database with the harbour in it. */
export interface Harbour {
  /** A server with these keys of `[data]` over those of the project. */
  serve(data: DataSettings): Promise<ConformanceWorld>;
  close(): Promise<void>;
}

export async function openHarbour(): Promise<Harbour> {
  const database = await (await testPostgres()).createDatabase();
  const sql = openOwner(database.url);
  const vaultKey = Buffer.alloc(32, 7).toString("base64");
  return {
    async serve(data) {
      const config = { data };
      const server = await startTestServer({
        project: PROJECT,
        databaseUrl: database.url,
        vaultKey,
        config,
      });
      const token = await tokensOf(server);
      return {
        urlFor: () => server.url,
        credentials: () => ({}),
        names: Object.fromEntries(ROLES.map((role) => [`${role}.token`, token(role)])),
        reset: async () => void (await sql`select private.reset()`),
        stop: () => server.stop(),
      };
    },
    async close() {
      await sql.end({ timeout: 5 });
      await database.drop();
    },
  };
}

function openOwner(url: string): Sql {
  const options = postgresJsOptions(parseDatabaseUrl(url));
  return postgres({ ...options, max: 1, onnotice: () => undefined });
}

async function tokensOf(server: Parameters<typeof projectOf>[0]): Promise<(role: Role) => string> {
  const project = await projectOf(server);
  const [key] = project.signingKeys;
  if (!key) throw new Error("the project has no signing key");
  const exp = Math.floor(systemClock.now() / 1000) + 3600;
  const header = { alg: "ES256", kid: key.kid, typ: "JWT" };
  return (role) =>
    forge(key, header, { iss: project.issuer, aud: "authenticated", sub: SUBJECT, role, exp });
}
