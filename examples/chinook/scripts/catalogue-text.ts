/**
 * Prints the catalogue as `catalog-search` reads it: the query, then a line for each track with its
 * album and artist. Reads it over HTTP with the publishable key, page by page.
 *
 *   bun scripts/catalogue-text.ts --url http://127.0.0.1:7890 --publishable KEY "thunder road"
 */
import { parseArgs } from "node:util";

interface Artist {
  readonly artist_id: number;
  readonly name: string;
}

interface Track {
  readonly track_id: number;
  readonly name: string;
  readonly album: { readonly title: string; readonly artist_id: number } | null;
}

const PAGE = 1000;

export async function catalogueText(
  url: string,
  publishableKey: string,
  query: string,
): Promise<string> {
  const artists = await readAll<Artist>(
    url,
    publishableKey,
    "/data/v1/artist?select=artist_id,name&order=artist_id",
  );
  const names = new Map(artists.map(({ artist_id, name }) => [artist_id, name]));
  const tracks = await readAll<Track>(
    url,
    publishableKey,
    "/data/v1/track?select=track_id,name,album(title,artist_id)&order=track_id",
  );
  const lines = tracks.map(({ track_id, name, album }) => {
    const text = [name, album?.title, names.get(album?.artist_id ?? 0)].filter(Boolean).join(" / ");
    return `${track_id}\t${text.replace(/\s+/g, " ")}`;
  });
  return [query.replace(/\s+/g, " "), ...lines, ""].join("\n");
}

async function readAll<Row>(url: string, apikey: string, path: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (;;) {
    const answer = await fetch(`${url}${path}&limit=${PAGE}&offset=${rows.length}`, {
      headers: { apikey },
    });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    const page = (await answer.json()) as Row[];
    rows.push(...page);
    if (page.length < PAGE) return rows;
  }
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      url: { type: "string", default: "http://127.0.0.1:7890" },
      publishable: { type: "string" },
    },
  });
  const [query] = positionals;
  if (!values.publishable || !query) {
    console.error("usage: catalogue-text.ts --url URL --publishable KEY QUERY");
    process.exitCode = 1;
  } else {
    const url = values.url.replace(/\/$/, "");
    process.stdout.write(await catalogueText(url, values.publishable, query));
  }
}
