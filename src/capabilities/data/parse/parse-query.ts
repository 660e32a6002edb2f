/**
 * Second pass: the full tree of a query whose values were moved out by `query-string.ts`. Runs once
 * per request shape.
 */
import { errors } from "../errors.ts";
import { parseOrder } from "./order.ts";
import type { RawQuery } from "./query-string.ts";
import { Scanner } from "./scanner.ts";
import { parseNames, parseSelect } from "./select.ts";
import type { Condition, Field, Level, OrderTerm, Query, SelectItem, Slot } from "./tree.ts";

interface OpenLevel {
  path: readonly string[];
  where: Condition[];
  order: readonly OrderTerm[];
  limit: Slot | null;
  offset: Slot | null;
}

/** @param root slots of the root's limit and offset, which the request's Range header shares. */
export function parseQuery(
  raw: RawQuery,
  root: { limit: Slot | null; offset: Slot | null },
  maxEmbedDepth: number,
): Query {
  const levels = new Map<string, OpenLevel>();
  const level = (path: readonly string[]) => openLevel(levels, path);
  Object.assign(level([]), root);
  for (const { key, negated, operation } of raw.filters) {
    const { path, field } = parseKey(key);
    level(path).where.push({ kind: "filter", field, negated, operation });
  }
  for (const { key, children } of raw.logics) {
    const { path, op, negated } = parseLogicKey(key);
    level(path).where.push({ kind: "logic", op, negated, children });
  }
  for (const { key, text } of raw.orders) {
    const order = parseOrder(text);
    const of = level(parsePath(key));
    // Of several the first counts.
    if (of.order.length === 0) of.order = order;
  }
  checkRelatedOrders(levels);
  for (const { key, slot } of raw.limits) level(parsePath(key)).limit = slot;
  for (const { key, slot } of raw.offsets) level(parsePath(key)).offset = slot;
  return {
    select: raw.select === null ? STAR : readSelect(raw.select, maxEmbedDepth),
    levels: [...levels.values()] satisfies Level[],
    columns: raw.columns === null ? null : parseNames(raw.columns, "columns parameter"),
    onConflict:
      raw.onConflict === null ? null : parseNames(raw.onConflict, "on_conflict parameter"),
  };
}

/** Each is a join to plan: 600 of them took half a second and 60 MB of the database. */
const EMBEDS_MAX = 50;
/** Each repeats the filters of its resource: 700 with 900 filters took 11 seconds. */
const RELATED_ORDERS_MAX = 8;

function readSelect(text: string, maxEmbedDepth: number): readonly SelectItem[] {
  const items = parseSelect(text, maxEmbedDepth);
  if (countEmbeds(items) > EMBEDS_MAX) throw errors.too_many_embeds(EMBEDS_MAX);
  return items;
}

function countEmbeds(items: readonly SelectItem[]): number {
  let count = 0;
  for (const item of items) if (item.kind === "embed") count += 1 + countEmbeds(item.items);
  return count;
}

function checkRelatedOrders(levels: ReadonlyMap<string, OpenLevel>): void {
  const terms = [...levels.values()].flatMap(({ order }) => order);
  const count = terms.filter(({ relation }) => relation !== null).length;
  if (count > RELATED_ORDERS_MAX) throw errors.too_many_related_orders(RELATED_ORDERS_MAX);
}

const STAR: readonly SelectItem[] = [{ kind: "star" }];

function openLevel(levels: Map<string, OpenLevel>, path: readonly string[]): OpenLevel {
  const key = JSON.stringify(path);
  let level = levels.get(key);
  if (!level) {
    level = { path, where: [], order: [], limit: null, offset: null };
    levels.set(key, level);
  }
  return level;
}

/** `client.address.city->>name`: a path of embedded resources and a field. */
function parseKey(key: string): { path: string[]; field: Field } {
  const scanner = new Scanner(key, "tree path");
  const names = parseDotted(scanner);
  const name = names.pop() ?? "";
  const path = scanner.jsonPath();
  if (!scanner.done) scanner.fail('"->>", "->", delimiter (.) or end of input');
  return { path: names, field: { name, path } };
}

/** The path of `client.order`, `client.limit`: all but the last name. */
function parsePath(key: string): string[] {
  const scanner = new Scanner(key, "tree path");
  const names = parseDotted(scanner);
  if (!scanner.done) scanner.fail("delimiter (.) or end of input");
  return names.slice(0, -1);
}

/** `client.not.or`: path, negation, operator. */
function parseLogicKey(key: string): { path: string[]; op: "and" | "or"; negated: boolean } {
  const names = parsePath(key);
  const negated = names.includes("not");
  const op = key.slice(key.lastIndexOf(".") + 1) === "and" ? "and" : "or";
  return { path: names.filter((n) => n !== "not"), op, negated };
}

function parseDotted(scanner: Scanner): string[] {
  const names = [scanner.name()];
  while (scanner.take(".")) names.push(scanner.name());
  return names;
}
