/**
 * The music shop on the compiled executable, as a new user walks through it: started from a copy of
 * the example, 59 customers signed up and linked, everything they see compared with the data itself
 * and not with what the database was loaded from.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { ordinaryUser, type RunningExecutable, repositoryFile } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";
import { badTokens, projectOf } from "../support/row-world.ts";

const bench = executableBench("shared");
const EXAMPLE = resolve(import.meta.dir, "../../examples/chinook");
const PERSONAL = ["invoice", "invoice_line", "customer", "employee"];

interface ChinookData {
  readonly Customer: readonly { CustomerId: number; FirstName: string }[];
  readonly Invoice: readonly { InvoiceId: number; CustomerId: number; Total: number }[];
  readonly InvoiceLine: readonly {
    InvoiceLineId: number;
    InvoiceId: number;
    TrackId: number;
    UnitPrice: number;
    Quantity: number;
  }[];
  readonly Track: readonly { TrackId: number; Name: string; AlbumId: number; GenreId: number }[];
  readonly Album: readonly { AlbumId: number; Title: string; ArtistId: number }[];
  readonly Artist: readonly { ArtistId: number; Name: string }[];
  readonly Genre: readonly { GenreId: number; Name: string }[];
}

const data = JSON.parse(repositoryFile("examples/chinook/data/ChinookData.json")) as ChinookData;

interface SignedUp {
  readonly customerId: number;
  readonly userId: string;
  readonly token: string;
  readonly client: SupabaseClient;
}

let server: RunningExecutable;
let anonymous: SupabaseClient;
let admin: SupabaseClient;
let people: SignedUp[];

const OPTIONS = { auth: { persistSession: false, autoRefreshToken: false } };

function newClient(key: string): SupabaseClient {
  return createClient(server.url, key, OPTIONS);
}

async function signUp(customerId: number): Promise<SignedUp> {
  const client = newClient(server.status.publishable_key);
  const email = `customer-${customerId}@example.com`;
  const { data: made, error } = await client.auth.signUp({ email, password: "correct horse 59" });
  if (error || !made.session || !made.user) throw error ?? new Error("no session");
  return { customerId, client, userId: made.user.id, token: made.session.access_token };
}

/** Only project files, as they would be copied to another machine; not where the data came from. */
function copyOfExample(): string {
  const shop = join(bench.folder(), "chinook");
  mkdirSync(shop);
  for (const name of ["reactor.toml", "migrations", "functions"]) {
    cpSync(join(EXAMPLE, name), join(shop, name), { recursive: true });
  }
  return shop;
}

beforeAll(async () => {
  const user = process.getuid?.() === 0 ? ordinaryUser : undefined;
  const args = ["serve", "--project", copyOfExample(), "--port", "0", "--data-dir", "data"];
  server = await bench.start(bench.folder(user), args, user ? { user } : {});
  anonymous = newClient(server.status.publishable_key);
  admin = newClient(server.status.secret_key);
  people = [];
  for (const { CustomerId } of data.Customer) people.push(await signUp(CustomerId));
}, 120_000);

const sorted = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b);

async function count(client: SupabaseClient, table: string): Promise<number | null> {
  return (await client.from(table).select("*", { count: "exact", head: true })).count;
}

describe("before anybody is linked", () => {
  test("an account sees no customer, no invoice and no staff, whatever its address", async () => {
    const [first] = people;
    for (const table of PERSONAL) expect(await count(first?.client ?? anonymous, table)).toBe(0);
  });

  test("a customer cannot link themselves", async () => {
    const [first] = people;
    const { data: changed } = await (first?.client ?? admin)
      .from("customer")
      .update({ user_id: first?.userId })
      .eq("customer_id", 2)
      .select();
    expect(changed ?? []).toEqual([]);
    expect(await count(first?.client ?? anonymous, "customer")).toBe(0);
  });
});

describe("linked through the secret key", () => {
  beforeAll(async () => {
    for (const { customerId, userId } of people) {
      const change = { user_id: userId };
      const { error } = await admin.from("customer").update(change).eq("customer_id", customerId);
      if (error) throw error;
    }
  });

  test("each of 59 customers sees exactly their own invoices, totals and lines", async () => {
    expect(people).toHaveLength(59);
    for (const { customerId, client } of people) {
      const own = data.Invoice.filter((row) => row.CustomerId === customerId);
      const ids = new Set(own.map((row) => row.InvoiceId));
      const { data: invoices } = await client.from("invoice").select("invoice_id, total");
      const totals = new Map(invoices?.map(({ invoice_id, total }) => [invoice_id, Number(total)]));
      expect(totals).toEqual(new Map(own.map((row) => [row.InvoiceId, row.Total])));
      const { data: lines } = await client.from("invoice_line").select("invoice_line_id");
      const ownLines = data.InvoiceLine.filter((row) => ids.has(row.InvoiceId));
      expect(sorted(lines?.map((row) => row.invoice_line_id as number) ?? [])).toEqual(
        sorted(ownLines.map((row) => row.InvoiceLineId)),
      );
      const { data: self } = await client.from("customer").select("customer_id, first_name");
      const name = data.Customer.find((row) => row.CustomerId === customerId)?.FirstName;
      expect<unknown>(self).toEqual([{ customer_id: customerId, first_name: name }]);
      expect(await count(client, "employee")).toBe(0);
    }
  });

  test("asking for somebody else's invoice by its number finds nothing", async () => {
    for (const { customerId, client } of people.slice(0, 10)) {
      const foreign = data.Invoice.filter((row) => row.CustomerId !== customerId).map(
        (row) => row.InvoiceId,
      );
      const { data: found } = await client.from("invoice").select().in("invoice_id", foreign);
      expect(found).toEqual([]);
    }
  });

  test("an embedded table obeys the same policies", async () => {
    const [first] = people;
    const { data: rows } = await (first?.client ?? anonymous)
      .from("invoice")
      .select("invoice_id, customer(customer_id, employee(first_name))");
    expect(rows).toHaveLength(data.Invoice.filter((row) => row.CustomerId === 1).length);
    for (const row of rows ?? []) {
      expect<unknown>(row.customer).toEqual({ customer_id: 1, employee: null });
    }
  });

  test("anonymous sees the whole catalogue and none of invoices, customers and employees", async () => {
    for (const table of PERSONAL) {
      const { data: rows, error } = await anonymous.from(table).select();
      expect({ table, rows, error }).toEqual({ table, rows: [], error: null });
    }
    expect(await count(anonymous, "track")).toBe(data.Track.length);
    expect(await count(anonymous, "album")).toBe(data.Album.length);
  });

  test("the secret key sees all of it", async () => {
    expect(await count(admin, "invoice")).toBe(data.Invoice.length);
    expect(await count(admin, "invoice_line")).toBe(data.InvoiceLine.length);
  });
});

describe("a token that is not good", () => {
  test("forged, expired, of a foreign issuer or truncated: 401 from every part, and no rows", async () => {
    const [first] = people;
    const project = await projectOf({
      ownerUrl: server.status.database_url,
      dataDir: server.dataDir,
      vaultKey: "",
    });
    const tokens = badTokens(project, first?.token ?? "");
    expect(Object.keys(tokens).sort()).toEqual(["expired", "foreign", "forged", "truncated"]);
    for (const [kind, token] of Object.entries(tokens)) {
      for (const path of ["/data/v1/invoice", "/auth/v1/user", "/fn/v1/top-genres"]) {
        const apikey = server.status.publishable_key;
        const headers = { apikey, authorization: `Bearer ${token}` };
        const { status } = await fetch(`${server.url}${path}`, { headers });
        expect({ kind, path, status }).toEqual({ kind, path, status: 401 });
      }
    }
  });

  test("the good one, which those were made of, is taken", async () => {
    const headers = { authorization: `Bearer ${people[0]?.token}` };
    expect((await fetch(`${server.url}/auth/v1/user`, { headers })).status).toBe(200);
  });
});

/** What the data says a customer bought, by genre; in cents. */
function genresOf(customerId: number) {
  const invoices = new Set(
    data.Invoice.filter((row) => row.CustomerId === customerId).map((row) => row.InvoiceId),
  );
  const genres = new Map(data.Genre.map((row) => [row.GenreId, row.Name]));
  const tracks = new Map(data.Track.map((row) => [row.TrackId, genres.get(row.GenreId) ?? ""]));
  const bought = data.InvoiceLine.filter((row) => invoices.has(row.InvoiceId));
  const groups = [...Map.groupBy(bought, (row) => tracks.get(row.TrackId) ?? "")];
  return groups
    .map(([genre, rows]) => ({
      genre,
      quantity: rows.reduce((sum, row) => sum + row.Quantity, 0),
      cents: rows.reduce((sum, row) => sum + row.Quantity * Math.round(row.UnitPrice * 100), 0),
    }))
    .sort((a, b) => b.quantity - a.quantity || b.cents - a.cents || (a.genre < b.genre ? -1 : 1))
    .map(({ genre, quantity, cents }) => ({ genre, quantity, money: cents / 100 }));
}

describe("top-genres", () => {
  test("tells each of 59 callers the right figures, read with their own rights", async () => {
    for (const { customerId, client } of people) {
      const { data: answer, error } = await client.functions.invoke("top-genres", {
        method: "GET",
      });
      expect({ customerId, error, answer }).toEqual({
        customerId,
        error: null,
        answer: { genres: genresOf(customerId).slice(0, 5) },
      });
    }
  });

  test("knows nobody without an account", async () => {
    const headers = { apikey: server.status.publishable_key };
    expect((await fetch(`${server.url}/fn/v1/top-genres`, { headers })).status).toBe(401);
  });
});

describe("catalog-search", () => {
  const albums = new Map(data.Album.map((row) => [row.AlbumId, row]));
  const artists = new Map(data.Artist.map((row) => [row.ArtistId, row.Name]));
  const lines = data.Track.map((track) => {
    const album = albums.get(track.AlbumId);
    const artist = artists.get(album?.ArtistId ?? 0);
    return `${track.TrackId}\t${[track.Name, album?.Title, artist].join(" / ")}`;
  });

  async function search(query: string, path = "/fn/v1/catalog-search") {
    const answer = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { apikey: server.status.publishable_key },
      body: [query, ...lines].join("\n"),
    });
    return {
      status: answer.status,
      found: (await answer.json()) as { id: string; text: string }[],
    };
  }

  // By hand, with a text search over the data: the only tracks that hold these words.
  test.each([
    ["bohemian rhapsody", ["2254"]],
    ["NESSUN", ["3424"]],
    ["moonlight", ["3437"]],
    ["overture", ["3418", "2415", "3442", "3447", "3479"]],
  ])("%s finds the tracks that hold it", async (query, ids) => {
    const { found } = await search(query);
    const best = found.slice(0, ids.length).map(({ id }) => id);
    expect(best.toSorted()).toEqual(ids.toSorted());
  });

  test("accents are folded, in the query and in the text", async () => {
    const { found } = await search("agua de beber");
    expect(found[0]?.text).toBe("Água de Beber / Chill: Brazil (Disc 1) / Marcos Valle");
  });

  test("a word in no track finds nothing, and no word at all is the plug-in's error", async () => {
    expect(await search("thunderstruckest")).toEqual({ status: 200, found: [] });
    expect((await search("!?")).status).toBe(500);
  });

  test("is called by its export too, which gives the same", async () => {
    const byName = await search("moonlight");
    expect(await search("moonlight", "/fn/v1/catalog-search/catalog_search")).toEqual(byName);
  });
});
