/** references/api/domain_representations. */
import { expect } from "bun:test";
import { fails, get, ids, patch, post, put, type Row } from "./kit.ts";

const FULL = { prefer: "return=representation" };

export const rows: readonly Row[] = [
  // "Domain Response Format"
  get("a value in its other form", "/flags?select=id,colour&id=eq.1", [
    { id: 1, colour: "#ff0000" },
  ]),
  get("among all columns", "/flags?id=eq.1", [
    { id: 1, name: "signal", colour: "#ff0000", wind: "12.5 kn" },
  ]),
  get("null is null", "/flags?select=colour&id=eq.3", [{ colour: null }]),
  get("with an alias", "/flags?select=c:colour&id=eq.2", [{ c: "#ffff00" }]),
  get("a cast is of the other form", "/flags?select=colour::text&id=eq.1", [
    { colour: '"#ff0000"' },
  ]),
  get("in a view", "/flag_view?id=eq.1", [{ id: 1, name: "signal", colour: "#ff0000" }]),
  get("of a function's rows", "/rpc/all_flags?select=colour&id=eq.1", [{ colour: "#ff0000" }]),
  // "Domain Filter Format"
  get("a filter in the other form", "/flags?select=id&colour=eq.%23ffff00", ids(2)),
  get("neq in the other form", "/flags?select=id&colour=neq.%23ffff00", ids(1)),
  get(
    "in of the other form",
    "/flags?select=id&colour=in.(%23ffff00,%23ff0000)&order=id",
    ids(1, 2),
  ),
  get("lt in the other form", "/flags?select=id&colour=lt.%23ff0001", ids(1)),
  get("is null", "/flags?select=id&colour=is.null", ids(3)),
  get("not eq in the other form", "/flags?select=id&colour=not.eq.%23ff0000", ids(2)),
  get("in a logic tree", "/flags?select=id&or=(colour.eq.%23ff0000,id.eq.3)&order=id", ids(1, 3)),
  get("a filter of a view", "/flag_view?select=id&colour=eq.%23ffff00", ids(2)),
  get("without a cast from text the value itself", "/flags?select=id&wind=eq.12.50", ids(1)),
  get(
    "the order is that of the value",
    "/flags?select=id&order=colour.desc.nullslast",
    ids(2, 1, 3),
  ),
  // "Domain Request Body Format"
  post(
    "a body in the other form",
    "/flags?select=id,colour",
    { id: 7, name: "x", colour: "#00ff00" },
    [{ id: 7, colour: "#00ff00" }],
    {
      ...FULL,
      after: get("the value is stored", "/flags?select=id&colour=eq.%2300ff00", ids(7)),
    },
  ),
  post(
    "without a cast from JSON the value itself",
    "/flags?select=wind",
    { id: 7, name: "x", wind: 4 },
    [{ wind: "4 kn" }],
    FULL,
  ),
  post(
    "several rows",
    "/flags?select=colour",
    [
      { id: 7, name: "x", colour: "#000001" },
      { id: 8, name: "y", colour: null },
    ],
    [{ colour: "#000001" }, { colour: null }],
    FULL,
  ),
  post(
    "chosen columns",
    "/flags?columns=id,name,colour&select=colour",
    { id: 7, name: "x", colour: "#000002", no: 1 },
    [{ colour: "#000002" }],
    FULL,
  ),
  post(
    "through a view",
    "/flag_view?select=colour",
    { id: 7, name: "x", colour: "#000003" },
    [{ colour: "#000003" }],
    FULL,
  ),
  patch(
    "an update in the other form",
    "/flags?id=eq.1&select=colour",
    { colour: "#000004" },
    [{ colour: "#000004" }],
    FULL,
  ),
  patch(
    "an update by a filter in the other form",
    "/flags?colour=eq.%23ff0000&select=id",
    { name: "z" },
    ids(1),
    FULL,
  ),
  put(
    "PUT in the other form",
    "/flags?id=eq.1&select=colour",
    { id: 1, name: "s", colour: "#000005", wind: null },
    [{ colour: "#000005" }],
    FULL,
  ),
  post(
    "an upsert in the other form",
    "/flags?select=colour",
    { id: 1, name: "s", colour: "#000006" },
    [{ colour: "#000006" }],
    { prefer: "resolution=merge-duplicates, return=representation", status: 200 },
  ),
  fails(
    "a body that cannot be turned",
    "POST /flags",
    400,
    expect.objectContaining({ code: "22P02" }),
    {
      sent: { id: 7, name: "x", colour: "#zz" },
    },
  ),
];
