import { expect, test } from "bun:test";
import { canonicalPath } from "./aliases.ts";

test.each([
  ["/rest/v1", "/data/v1"],
  ["/rest/v1/", "/data/v1/"],
  ["/rest/v1/artists", "/data/v1/artists"],
  ["/rest/v1/rpc/add", "/data/v1/rpc/add"],
  ["/functions/v1/hello/deep", "/fn/v1/hello/deep"],
])("%s is read as %s", (from, to) => {
  expect(canonicalPath(from)).toBe(to);
});

test.each([
  "/",
  "/rest",
  "/rest/v10/a",
  "/rest/v1x",
  "/a/rest/v1",
  "/Rest/v1",
  "/data/v1/rest/v1",
  "/_admin/status",
])("%s stays as it is", (path) => {
  expect(canonicalPath(path)).toBe(path);
});
