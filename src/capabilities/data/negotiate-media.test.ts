import { describe, expect, test } from "bun:test";
import { failure } from "./compile/compile-search.fixture.ts";
import { bodySql, explained, isHex } from "./compile/wrap-result.ts";
import { type MediaOffer, negotiate } from "./negotiate-media.ts";
import type { DatabaseFunction, MediaHandler, Schema } from "./schema/schema.ts";
import { mediaHandlerKey } from "./schema/schema.ts";
import { shopSchema } from "./schema/shop-schema.fixture.ts";

const CLIENTS = { schema: "public", name: "clients" };

function handler(
  mediaType: string,
  target: MediaHandler["target"] = null,
  more: Partial<MediaHandler> = {},
): MediaHandler {
  const contentType = mediaType === "*/*" ? "application/octet-stream" : mediaType;
  return {
    ...{ schema: "public", name: "agg", mediaType, contentType, isBinary: false, target },
    ...more,
  };
}

function withHandlers(...handlers: MediaHandler[]): Schema {
  const keyed = handlers.map((h) => [mediaHandlerKey(h.mediaType, h.target), h] as const);
  return { ...shopSchema, mediaHandlers: new Map(keyed) };
}

function offer(more: Partial<MediaOffer> = {}): MediaOffer {
  return { schema: shopSchema, of: CLIENTS, fn: null, wholeRow: true, plans: false, ...more };
}

function scalar(mediaType: string, returnsBinary = false): MediaOffer {
  const fn = { mediaType, returnsBinary, returnsSet: false } as DatabaseFunction;
  return offer({ of: { schema: "public", name: "f" }, fn });
}

function typeOf(accept: string | null, of: MediaOffer): string {
  return negotiate(accept, of).contentType;
}

describe("what a table answers with", () => {
  test.each([
    [null, "application/json; charset=utf-8"],
    ["*/*", "application/json; charset=utf-8"],
    ["text/csv", "text/csv; charset=utf-8"],
    ["application/vnd.pgrst.object+json", "application/vnd.pgrst.object+json; charset=utf-8"],
    [
      "application/vnd.pgrst.object+json;nulls=stripped",
      "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8",
    ],
    [
      "application/vnd.pgrst.array+json;nulls=stripped, */*;q=0.1",
      "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8",
    ],
    ["text/html, application/json;q=0.9, text/csv;q=1.0", "text/csv; charset=utf-8"],
  ])("to %p is %p", (accept, type) => {
    expect(typeOf(accept, offer())).toBe(type);
  });

  test.each([
    ["image/png", "image/png"],
    ["text/csv;q=0", ""],
    ["constructor", "constructor"],
    ["application/*, text/*", "application/*, text/*"],
    ["application/geo+json", "application/geo+json"],
    [
      "application/vnd.pgrst.plan+json; options=verbose",
      'application/vnd.pgrst.plan+json; for="application/json"; options=verbose',
    ],
  ])("to %p is PGRST107", (accept, named) => {
    const error = failure(() => negotiate(accept, offer()));
    expect([error.status, error.code]).toEqual([406, "PGRST107"]);
    expect(error.message).toBe(`None of these media types are available: ${named}`);
  });
});

describe("handlers", () => {
  const own = handler("text/csv", CLIENTS, { name: "bom_csv" });
  const any = handler("*/*", CLIENTS, { name: "anything", isBinary: true });
  const general = handler("text/tab-separated-values");

  test("of a relation come before those built in, for whole rows only", () => {
    const schema = withHandlers(own);
    expect(negotiate("text/csv", offer({ schema })).form).toEqual({
      kind: "aggregate",
      handler: own,
    });
    expect(negotiate("text/csv", offer({ schema, wholeRow: false })).form.kind).toBe("csv");
    const of = { schema: "public", name: "projects" };
    expect(negotiate("text/csv", offer({ schema, of })).form.kind).toBe("csv");
  });

  test("of any media type take what is asked for and send bytes", () => {
    const schema = withHandlers(any, own);
    for (const accept of ["*/*", "app/bingo", "text/csv"]) {
      expect(negotiate(accept, offer({ schema }))).toMatchObject({
        contentType: "application/octet-stream",
        form: { handler: { name: "anything" } },
      });
    }
    expect(negotiate("application/vnd.pgrst.object", offer({ schema })).form.kind).toBe("object");
  });

  test("of any relation serve also what was selected of it", () => {
    const schema = withHandlers(general);
    expect(typeOf("text/tab-separated-values", offer({ schema, wholeRow: false }))).toBe(
      "text/tab-separated-values",
    );
  });

  test("of text types say so", () => {
    const schema = withHandlers(handler("text/xml", CLIENTS));
    expect(typeOf("TEXT/XML", offer({ schema }))).toBe("text/xml; charset=utf-8");
  });
});

describe("a function whose type is a media type", () => {
  test("makes that one, and JSON where anything goes", () => {
    expect(negotiate("image/png, */*;q=0.8", scalar("image/png", true))).toMatchObject({
      contentType: "image/png",
      form: { kind: "value", isBinary: true },
    });
    expect(negotiate("*/*", scalar("image/png", true)).form.kind).toBe("array");
    expect(failure(() => negotiate("text/html", scalar("image/png"))).code).toBe("PGRST107");
  });

  test("makes any when it says any", () => {
    expect(typeOf("app/bingo", scalar("*/*"))).toBe("application/octet-stream");
    expect(typeOf(null, scalar("*/*"))).toBe("application/octet-stream");
  });
});

describe("SQL of a body", () => {
  const csvColumns = ["id"];

  test("is an aggregate of the rows, cast back for a relation's own handler", () => {
    const own = withHandlers(handler("image/png", CLIENTS, { isBinary: true }));
    const binary = negotiate("image/png", offer({ schema: own }));
    expect(bodySql({ media: binary, csvColumns })).toBe(
      `pg_catalog.encode("public"."agg"(_postgrest_t::"public"."clients"), 'hex')`,
    );
    expect(isHex(binary)).toBe(true);
    const general = withHandlers(handler("text/tsv"));
    expect(bodySql({ media: negotiate("text/tsv", offer({ schema: general })), csvColumns })).toBe(
      `("public"."agg"(_postgrest_t))::text`,
    );
  });

  test("is GeoJSON where PostGIS is there", () => {
    const media = negotiate(
      "application/geo+json",
      offer({ schema: { ...shopSchema, hasPostgis: true } }),
    );
    expect(media.contentType).toBe("application/geo+json; charset=utf-8");
    expect(bodySql({ media, csvColumns })).toBe(
      "pg_catalog.json_build_object('type', 'FeatureCollection', 'features', coalesce(pg_catalog.json_agg(st_asgeojson(_postgrest_t)::json), '[]'))",
    );
  });

  test("drops nulls when asked to", () => {
    const media = negotiate("application/vnd.pgrst.array;nulls=stripped", offer());
    expect(bodySql({ media, csvColumns })).toBe(
      "coalesce(pg_catalog.json_strip_nulls(pg_catalog.json_agg(_postgrest_t)), '[]')",
    );
  });

  test("is explained with the options of a closed list", () => {
    const media = negotiate(
      'application/vnd.pgrst.plan+json; options=buffers|analyze|format xml; for="text/csv"',
      offer({ plans: true }),
    );
    expect(media.contentType).toBe(
      'application/vnd.pgrst.plan+json; for="text/csv"; options=analyze|buffers; charset=utf-8',
    );
    expect(media.form.kind).toBe("csv");
    expect(explained("select 1", media.plan)).toBe(
      "explain (format json, analyze, buffers) select 1",
    );
  });
});
