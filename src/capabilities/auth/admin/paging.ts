/** Pages of lists, as GoTrue's clients ask for them and read them: `page`, `per_page`, `Link` (RFC 8288). */
import { storableTime } from "../../../core/storable-time.ts";
import { authErrors } from "../errors.ts";

const PER_PAGE = 50;
const PER_PAGE_MAX = 1000;
const PAGE_MAX = 1_000_000;

export interface Paging {
  /** From 1. */
  readonly page: number;
  /** 1 to 1,000. */
  readonly perPage: number;
  readonly offset: number;
}

/** @throws validation_failed */
export function readPaging(query: URLSearchParams): Paging {
  const page = readCount(query, "page", 1, PAGE_MAX);
  const perPage = readCount(query, "per_page", PER_PAGE, PER_PAGE_MAX);
  return { page, perPage, offset: (page - 1) * perPage };
}

/** @param url absolute address of the route, without its query; links repeat the query's filters. */
export function pagingHeaders(
  url: string,
  query: URLSearchParams,
  { page, perPage }: Paging,
  total: number,
): Readonly<Record<string, string>> {
  const last = Math.max(1, Math.ceil(total / perPage));
  const link = (to: number, rel: string) => {
    const asked = new URLSearchParams(query);
    asked.delete("page");
    asked.delete("per_page");
    // First, because clients cut the number out of the address by its place.
    const paged = new URLSearchParams({ page: String(to), per_page: String(perPage) });
    return `<${url}?${[paged, asked].filter(({ size }) => size > 0).join("&")}>; rel="${rel}"`;
  };
  const links = page < last ? [link(page + 1, "next"), link(last, "last")] : [link(last, "last")];
  return { "X-Total-Count": String(total), Link: links.join(", ") };
}

function readCount(query: URLSearchParams, name: string, fallback: number, max: number): number {
  const text = query.get(name) ?? "";
  if (text === "") return fallback;
  const value = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max) {
    throw authErrors.validation_failed(
      "Bad Pagination Parameters",
      `${name} is a number from 1 to ${max}`,
    );
  }
  return value;
}

/** A moment, ISO 8601; null = not sent. @throws validation_failed */
export function readTime(query: URLSearchParams, name: string): Date | null {
  const text = query.get(name) ?? "";
  if (text === "") return null;
  const at = storableTime(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || at === null) {
    throw authErrors.validation_failed(`${name} must be a time in ISO 8601`);
  }
  return at;
}

/** Null = not sent. @throws validation_failed */
export function readFlag(query: URLSearchParams, name: string): boolean | null {
  const text = query.get(name) ?? "";
  if (text === "") return null;
  if (text !== "true" && text !== "false") {
    throw authErrors.validation_failed(`${name} must be true or false`);
  }
  return text === "true";
}

const TEXT_MAX = 255;

/** Null = not sent. @throws validation_failed */
export function readText(query: URLSearchParams, name: string): string | null {
  const text = query.get(name) ?? "";
  if (text.length > TEXT_MAX || text.includes("\u0000")) {
    throw authErrors.validation_failed(`${name} is longer than ${TEXT_MAX} characters or no text`);
  }
  return text === "" ? null : text;
}
