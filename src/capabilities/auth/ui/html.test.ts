/** Text stays text, whatever it is. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Child, html } from "./html.ts";

test("text is escaped, markup is not, and what is nothing leaves nothing", () => {
  const inner = html`<b>${"<i>"}</b>`;
  const made = html`<p title="${`"'&<>`}">${inner}${[1, " ", null, false, undefined]}</p>`;
  expect(made.markup).toBe('<p title="&quot;&#39;&amp;&lt;&gt;"><b>&lt;i&gt;</b>1 </p>');
});

test("an object that only looks like markup is refused", () => {
  const forged = JSON.parse('{"markup":"<script>alert(1)</script>"}') as Child;
  expect(() => html`<p>${forged}</p>`).toThrow("no markup");
});

test("no text ends the attribute or the element it stands in", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
      const { markup } = html`<a title="${text}">${text}</a>`;
      const [, attribute, content] = /^<a title="([^"<>]*)">([^"<>]*)<\/a>$/.exec(markup) ?? [];
      expect([attribute, content]).toEqual([attribute, attribute]);
      expect(attribute).toBeString();
    }),
    { numRuns: 300 },
  );
});
