/** Templates against any input: values never become markup, tags or lines of their own. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { plainTextOf } from "./plain-text.ts";
import { escapeHtml, oneLine, parseTemplate, TemplateError } from "./template.ts";

const none = { Data: {} };

describe("a template", () => {
  test("is read, or refused with a reason, whatever stands in it", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "{{",
        "}}",
        "{",
        "}",
        "{{ .Token }}",
        "{{ if .Token }}",
        "{{ else }}",
        "{{ end }}",
      ),
      fc.constantFrom("{{ .Data.name }}", "{{-.Email-}}", "{{ if .Nothing }}", "{{ }}", "$&", "$1"),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        try {
          parseTemplate(pieces.join("")).render({ ...none, Token: "1" }, escapeHtml);
        } catch (error) {
          expect(error).toBeInstanceOf(TemplateError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("puts values in as text: not as tags, not as markup, not as lines", () => {
    const template = parseTemplate('<p title="{{ .Email }}">{{ .Data.name }}</p>');
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), (email, name) => {
        const values = { Email: `${email}{{ .Token }}`, Token: "secret", Data: { name } };
        const html = template.render(values, escapeHtml);
        expect(html).toContain("{{ .Token }}");
        expect(html).not.toContain("secret");
        expect(html.match(/[<>"]/g)?.join("")).toBe('<"">' + "<>");
        expect(template.render(values, oneLine)).not.toMatch(/[\r\n\u2028\u2029]/);
      }),
    );
  });

  test("takes only the person's own entries of their metadata", () => {
    const template = parseTemplate("{{ .Data.constructor }}|{{ .Data.toString }}|{{ .Data.age }}");
    expect(template.render({ Data: { age: 36, list: ["x"] } }, escapeHtml)).toBe("||36");
  });

  test("nests", () => {
    const source = "{{ if .Token }}a{{ if .Email }}b{{ else }}c{{ end }}{{ else }}d{{ end }}e";
    const template = parseTemplate(source);
    const render = (Token: string, Email: string) =>
      template.render({ Token, Email, Data: {} }, escapeHtml);
    expect([render("1", "1"), render("1", ""), render("", "1")]).toEqual(["abe", "ace", "de"]);
  });
});

test("a plain part shows links in full, and nothing of style and script", () => {
  const html =
    '<head><title>x</title></head><style>p{}</style><h1>Hi</h1>\n<p>Go <a class="b" href="https://x.test/?a=1&amp;b=2">here</a>,<br>now &lt;3</p><script>alert(1)</script>';
  expect(plainTextOf(html)).toBe("Hi\nGo here: https://x.test/?a=1&b=2,\nnow <3\n");
});
