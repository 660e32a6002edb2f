import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseErrorFields } from "./pg-error.ts";

test("every field arrives, unknown ones are passed over", () => {
  const letters = "SVCMDHPpqWstcdnFLRz";
  const fieldTexts = letters.split("").map((letter) => `${letter}${letter}-ä\0`);
  const body = Buffer.from(`${fieldTexts.join("")}\0`);
  const fields = parseErrorFields(body, 0, body.length);
  expect(fields).toMatchObject({ severity: "V-ä", code: "C-ä", message: "M-ä", detail: "D-ä" });
  expect(fields).toMatchObject({ hint: "H-ä", where: "W-ä", schema: "s-ä", table: "t-ä" });
  expect(fields).toMatchObject({ column: "c-ä", dataType: "d-ä", constraint: "n-ä" });
  expect(fields).toMatchObject({ file: "F-ä", line: "L-ä", routine: "R-ä", internalQuery: "q-ä" });
});

test("no body of bytes makes it throw or run on", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      parseErrorFields(Buffer.from(bytes), 0, bytes.length);
    }),
  );
});
