import { expect, test } from "bun:test";
import { normalizePhone, requirePhone } from "./normalize-phone.ts";

test.each([
  ["+49 170 1234567", "491701234567"],
  ["491701234567", "491701234567"],
  ["+1 (555) 010-0123", "15550100123"],
])("%s is kept as %s", (text, kept) => {
  expect(normalizePhone(text)).toBe(kept);
});

test.each([
  "",
  "0170 1234567",
  "+0170",
  "1234",
  "12345678901234567",
  "++491701234567",
  "+49170abc",
  "+49170123\n4567890123456",
  "٤٩١٧٠١٢٣٤٥٦٧",
  "4917012345671701234567, 4917012345",
])("%j is no number", (text) => {
  expect(normalizePhone(text)).toBeNull();
  expect(() => requirePhone(text)).toThrow("E.164");
});
