/**
 * What the caller bought most, by genre: `GET /fn/v1/top-genres?limit=5`. It reads with the caller's
 * own rights, so row security decides whose purchases these are; the function holds no key.
 */
import { reactor } from "reactor";

interface Line {
  readonly quantity: number;
  readonly unit_price: number;
  readonly track: { readonly genre_id: number | null };
}

interface Genre {
  readonly genre_id: number;
  readonly name: string;
}

interface TopGenre {
  readonly genre: string;
  /** Tracks bought. */
  readonly quantity: number;
  /** What they cost, in the shop's currency. */
  readonly money: number;
}

const LIMIT_DEFAULT = 5;
const LIMIT_MAX = 25;

export default {
  async fetch(request: Request): Promise<Response> {
    const caller = JSON.parse(request.headers.get("x-reactor-auth") ?? "{}") as {
      user_id?: string | null;
    };
    if (!caller.user_id) {
      const body = { code: "sign_in_required", message: "Purchases belong to somebody: sign in" };
      return Response.json(body, { status: 401 });
    }
    const [lines, genres] = await Promise.all([
      read<Line>("/data/v1/invoice_line?select=quantity,unit_price,track(genre_id)"),
      read<Genre>("/data/v1/genre?select=genre_id,name"),
    ]);
    return Response.json({ genres: topGenres(lines, genres).slice(0, limitOf(request)) });
  },
};

async function read<Row>(path: string): Promise<Row[]> {
  const answer = await reactor.fetch(path);
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Row[];
}

/** Most bought first, then most paid, then by name. Sums are of cents: money does not like fractions. */
function topGenres(lines: readonly Line[], genres: readonly Genre[]): TopGenre[] {
  const names = new Map(genres.map(({ genre_id, name }) => [genre_id, name]));
  const sums = new Map<string, { quantity: number; cents: number }>();
  for (const { quantity, unit_price, track } of lines) {
    const genre = names.get(track.genre_id ?? 0) ?? "Other";
    const sum = sums.get(genre) ?? { quantity: 0, cents: 0 };
    sum.quantity += quantity;
    sum.cents += quantity * Math.round(unit_price * 100);
    sums.set(genre, sum);
  }
  return [...sums]
    .map(([genre, { quantity, cents }]) => ({ genre, quantity, money: cents / 100 }))
    .sort((a, b) => b.quantity - a.quantity || b.money - a.money || (a.genre < b.genre ? -1 : 1));
}

function limitOf(request: Request): number {
  const limit = Number(new URL(request.url).searchParams.get("limit") ?? LIMIT_DEFAULT);
  return Number.isInteger(limit) && limit > 0 ? Math.min(limit, LIMIT_MAX) : LIMIT_DEFAULT;
}
