/**
 * The music shop as its customers meet it: everybody sees the catalogue, each customer their own
 * purchases and nobody else's; both functions do their work; what is built is what is committed.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { catalogueText } from "../../examples/chinook/scripts/catalogue-text.ts";
import {
  type LinkedCustomer,
  linkCustomers,
  type Shop,
  signIn,
} from "../../examples/chinook/scripts/link-customers.ts";
import { loadSql } from "../../examples/chinook/scripts/make-migrations.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const EXAMPLE = join(import.meta.dir, "../../examples/chinook");
const TABLES = {
  album: 347,
  artist: 275,
  customer: 59,
  employee: 8,
  genre: 25,
  invoice: 412,
  invoice_line: 2240,
  media_type: 5,
  playlist: 18,
  playlist_track: 8715,
  track: 3503,
} as const;
const OPEN = ["album", "artist", "genre", "media_type", "playlist", "playlist_track", "track"];

interface Source {
  readonly Invoice: readonly { InvoiceId: number; CustomerId: number }[];
  readonly InvoiceLine: readonly {
    InvoiceId: number;
    TrackId: number;
    UnitPrice: number;
    Quantity: number;
  }[];
  readonly Track: readonly { TrackId: number; GenreId: number }[];
  readonly Genre: readonly { GenreId: number; Name: string }[];
}

const source = JSON.parse(readFileSync(join(EXAMPLE, "data/ChinookData.json"), "utf8")) as Source &
  Record<string, Record<string, string | number | null>[]>;

let server: TestServer;
let shop: Shop;
let customers: LinkedCustomer[];

beforeAll(async () => {
  server = await startTestServer({ project: "examples/chinook" });
  const { url, publishableKey, secretKey } = server;
  shop = { url, publishableKey, secretKey };
  customers = await linkCustomers(shop);
}, 120_000);

afterAll(() => server?.stop());

const headersOf = (token: string | null) => ({
  apikey: shop.publishableKey,
  ...(token ? { authorization: `Bearer ${token}` } : {}),
});

async function countOf(table: string, headers: Record<string, string>): Promise<number> {
  const answer = await fetch(`${shop.url}/data/v1/${table}?limit=1`, {
    headers: { ...headers, prefer: "count=exact" },
  });
  await answer.text();
  return Number(/\/(\d+)$/.exec(answer.headers.get("content-range") ?? "")?.[1] ?? "-1");
}

describe("the shop's data", () => {
  test("all 15,607 rows are there", async () => {
    const counts = await Promise.all(
      Object.keys(TABLES).map(async (table) => [
        table,
        await countOf(table, { apikey: shop.secretKey }),
      ]),
    );
    expect(Object.fromEntries(counts)).toEqual(TABLES);
  });

  test("the migration is what the script makes of the data", () => {
    const committed = readFileSync(join(EXAMPLE, "migrations/0002_load.sql"), "utf8");
    expect(loadSql(source)).toBe(committed);
  });

  test("a row made by hand gets the next number", async () => {
    const answer = await fetch(`${shop.url}/data/v1/genre`, {
      method: "POST",
      headers: {
        apikey: shop.secretKey,
        "content-type": "application/json",
        prefer: "return=representation",
      },
      body: JSON.stringify({ name: "Field Recording" }),
    });
    expect(await answer.json()).toMatchObject([{ genre_id: 26 }]);
    await fetch(`${shop.url}/data/v1/genre?genre_id=eq.26`, {
      method: "DELETE",
      headers: { apikey: shop.secretKey },
    });
  });
});

describe("who sees what", () => {
  test("everybody sees the catalogue, and nobody's purchases", async () => {
    for (const [table, count] of Object.entries(TABLES)) {
      const seen = await countOf(table, headersOf(null));
      expect({ table, seen }).toEqual({ table, seen: OPEN.includes(table) ? count : 0 });
    }
  });

  test("59 customers have accounts, and each sees their own rows only", async () => {
    expect(customers).toHaveLength(59);
    const seen = new Map<number, number>();
    for (const { customer_id, email, password } of customers) {
      const headers = headersOf(await signIn(shop, email, password));
      const read = async (path: string) =>
        (await (await fetch(`${shop.url}/data/v1/${path}`, { headers })).json()) as Record<
          string,
          number
        >[];
      expect(await read("customer?select=customer_id")).toEqual([{ customer_id }]);
      const invoices = await read("invoice?select=invoice_id,customer_id");
      const own = source.Invoice.filter((row) => row.CustomerId === customer_id);
      expect(invoices.map((row) => row["invoice_id"]).sort()).toEqual(
        own.map((row) => row.InvoiceId).sort(),
      );
      const lines = await read("invoice_line?select=invoice_line_id,invoice_id");
      const ids = new Set(own.map((row) => row.InvoiceId));
      expect(lines).toHaveLength(source.InvoiceLine.filter((row) => ids.has(row.InvoiceId)).length);
      expect(lines.every((row) => ids.has(row["invoice_id"] ?? 0))).toBe(true);
      seen.set(customer_id, lines.length);
    }
    expect([...seen.values()].reduce((sum, count) => sum + count, 0)).toBe(TABLES.invoice_line);
  }, 60_000);

  test("a customer changes nothing, not even their own", async () => {
    const [first] = customers;
    const token = await signIn(shop, first?.email ?? "", first?.password ?? "");
    const change = await fetch(`${shop.url}/data/v1/invoice?invoice_id=gt.0`, {
      method: "PATCH",
      headers: {
        ...headersOf(token),
        "content-type": "application/json",
        prefer: "return=representation",
      },
      body: JSON.stringify({ total: 0 }),
    });
    expect(await change.json()).toEqual([]);
  });

  test("an account with a customer's address but no link sees nothing", async () => {
    const answer = await fetch(`${shop.url}/auth/v1/signup`, {
      method: "POST",
      headers: { apikey: shop.publishableKey, "content-type": "application/json" },
      body: JSON.stringify({ email: "stranger@example.test", password: "a stranger's own" }),
    });
    const { access_token } = (await answer.json()) as { access_token: string };
    expect(await countOf("invoice", headersOf(access_token))).toBe(0);
    expect(await countOf("customer", headersOf(access_token))).toBe(0);
  });
});

/** What the data says, worked out here in another way than the function's. */
function topGenresOf(customerId: number) {
  const invoices = new Set(
    source.Invoice.filter((row) => row.CustomerId === customerId).map((row) => row.InvoiceId),
  );
  const genreOf = new Map(source.Track.map((row) => [row.TrackId, row.GenreId]));
  const totals = source.Genre.map(({ GenreId, Name }) => {
    const lines = source.InvoiceLine.filter(
      (row) => invoices.has(row.InvoiceId) && genreOf.get(row.TrackId) === GenreId,
    );
    const quantity = lines.reduce((sum, row) => sum + row.Quantity, 0);
    const money = lines.reduce((sum, row) => sum + row.Quantity * row.UnitPrice, 0);
    return { genre: Name, quantity, money: Number(money.toFixed(2)) };
  });
  return totals
    .filter(({ quantity }) => quantity > 0)
    .sort((a, b) => b.quantity - a.quantity || b.money - a.money || (a.genre < b.genre ? -1 : 1))
    .slice(0, 5);
}

describe("the functions", () => {
  test("top-genres tells each caller their own", async () => {
    for (const { customer_id, email, password } of customers.slice(0, 8)) {
      const answer = await fetch(`${shop.url}/fn/v1/top-genres`, {
        headers: headersOf(await signIn(shop, email, password)),
      });
      expect(await answer.json()).toEqual({ genres: topGenresOf(customer_id) });
    }
  });

  test("top-genres knows nobody without an account", async () => {
    const answer = await fetch(`${shop.url}/fn/v1/top-genres`, { headers: headersOf(null) });
    expect(answer.status).toBe(401);
  });

  const search = async (query: string, body?: string) =>
    fetch(`${shop.url}/fn/v1/catalog-search`, {
      method: "POST",
      headers: headersOf(null),
      body: body ?? (await catalogueText(shop.url, shop.publishableKey, query)),
    });

  test("catalog-search ranks the whole catalogue", async () => {
    const found = (await (await search("restless HEARTS")).json()) as {
      id: string;
      score: number;
      text: string;
    }[];
    expect(found[0]).toMatchObject({
      id: "4",
      text: "Restless and Wild / Restless and Wild / Accept",
    });
    expect((await (await search("love")).json()).length).toBe(10);
    const scores = found.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  });

  test("catalog-search folds accents and knows beginnings of words", async () => {
    const lines = "1\tÁguas de Março / Antônio Carlos Jobim\n2\tÁgua / Other\n3\tMarching / Band\n";
    const found = await (await search("", `AGUAS marco\n${lines}`)).json();
    expect(found.map((row: { id: string }) => row.id)).toEqual(["1"]);
    const begins = await (await search("", `march\n${lines}`)).json();
    expect(begins.map((row: { id: string }) => row.id)).toEqual(["3"]);
  });

  test("catalog-search prefers the rare word and the shorter line", async () => {
    const lines =
      "1\tlove love song\n2\tlove zebra\n3\tlove song about a very long road\n4\tlove\n";
    const found = await (await search("", `love zebra\n${lines}`)).json();
    expect(found.map((row: { id: string }) => row.id)).toEqual(["2", "1", "4", "3"]);
  });

  test("catalog-search keeps text as it is, whatever it holds", async () => {
    const found = await (
      await search("", 'quote\n"1"\\\tsay "quote" \\ and \u0001 ž 音楽\n')
    ).json();
    expect(found).toEqual([
      { id: '"1"\\', score: expect.any(Number), text: 'say "quote" \\ and \u0001 ž 音楽' },
    ]);
  });

  test("catalog-search says what is wrong with its input", async () => {
    const empty = await search("", "\n1\tline\n");
    expect([empty.status, ((await empty.json()) as { message: string }).message]).toEqual([
      500,
      "the first line holds no word to search for",
    ]);
    const bare = await search("", "word\nno tab here\n");
    expect(((await bare.json()) as { message: string }).message).toBe(
      "a line is not '<id> TAB <text>'",
    );
  });
});
