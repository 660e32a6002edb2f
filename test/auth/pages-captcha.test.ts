/**
 * The pages where a captcha is configured: the widget, what it may load, and its token. A service of
 * our own answers as the providers' `siteverify` do (Turnstile's and hCaptcha's documented form).
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { authConfig } from "../../src/capabilities/auth/config.ts";
import { type AuthWorld, openAuthWorld, PASSWORD, signUp } from "./auth-world.ts";
import { openUiBrowser } from "./ui-browser.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const defaults = Value.Create(authConfig);
const PAGES = ["/auth/ui/sign-in", "/auth/ui/sign-up", "/auth/ui/code", "/auth/ui/recover"];
const PROVIDERS = [
  {
    provider: "turnstile",
    className: "cf-turnstile",
    field: "cf-turnstile-response",
    script: "https://challenges.cloudflare.com/turnstile/v0/api.js",
    origin: "https://challenges.cloudflare.com",
  },
  {
    provider: "hcaptcha",
    className: "h-captcha",
    field: "h-captcha-response",
    script: "https://js.hcaptcha.com/1/api.js",
    origin: "https://hcaptcha.com https://*.hcaptcha.com",
  },
] as const;

describe.each(PROVIDERS)("with $provider", ({ provider, className, field, script, origin }) => {
  const seen: string[] = [];
  const service = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const form = new URLSearchParams(await request.text());
      const token = form.get("response") ?? "";
      if (form.get("secret") !== "site-secret") {
        return Response.json({ success: false, "error-codes": ["invalid-input-secret"] });
      }
      const isFirst = !seen.includes(token);
      seen.push(token);
      if (token.startsWith("solved") && isFirst) {
        return Response.json({ success: true, hostname: "localhost", "error-codes": [] });
      }
      const reason = isFirst ? "invalid-input-response" : "timeout-or-duplicate";
      return Response.json({ success: false, "error-codes": [reason] });
    },
  });
  const captcha = {
    ...defaults.captcha,
    provider,
    secret: "site-secret",
    site_key: "0x4site-KEY",
    url: `${service.url.href}siteverify`,
  };
  let world: AuthWorld;
  beforeAll(async () => {
    world = await openAuthWorld({ captcha, passkeys: true, site_url: "http://localhost" });
  });
  afterAll(async () => {
    await world.close();
    await service.stop(true);
  });

  test("the forms show its widget, and the pages may load it and nothing else", async () => {
    for (const path of PAGES) {
      const { html, headers } = await openUiBrowser(world).open(path);
      expect(html).toContain(`<script src="${script}" async defer></script>`);
      expect(
        html.split(`<div class="${className}" data-sitekey="0x4site-KEY"></div>`),
      ).toHaveLength(2);
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).toContain(`script-src 'self' ${origin};`);
      expect(policy).toContain(`frame-src ${origin}`);
      expect(policy).toContain("default-src 'none';");
      expect(policy).not.toContain("unsafe");
    }
    const { html, headers } = await openUiBrowser(world).open("/auth/ui/sso");
    expect(html).not.toContain(className);
    expect(headers.get("content-security-policy")).not.toContain("https:");
  });

  test("a token lets the form pass, once; without one, or a wrong one, the person is told", async () => {
    const email = `page-${provider}@example.test`;
    const path = "/auth/ui/sign-up";
    const typed = { email, password: PASSWORD };
    const told = "It could not be checked that a person sends this.";
    for (const more of [{}, { [field]: "" }, { [field]: "wrong" }]) {
      const refused = await openUiBrowser(world).submit(path, { ...typed, ...more });
      expect([refused.status, refused.html.includes(told)]).toEqual([400, true]);
      expect(refused.html).toContain(className);
      expect(refused.html).toContain(email);
    }
    const solved = { ...typed, [field]: "solved-1" };
    expect((await openUiBrowser(world).submit(path, solved)).status).toBe(303);
    const again = await openUiBrowser(world).submit("/auth/ui/sign-in", solved);
    expect([again.status, again.html.includes(told)]).toEqual([400, true]);
    const fresh = { ...typed, [field]: "solved-2" };
    expect((await openUiBrowser(world).submit("/auth/ui/sign-in", fresh)).status).toBe(303);
    for (const [at, token] of [
      ["/auth/ui/code", "solved-3"],
      ["/auth/ui/recover", "solved-4"],
    ] as const) {
      const asked = await openUiBrowser(world).submit(at, { email, [field]: token });
      expect([at, asked.status, asked.html.includes("Check your mail")]).toEqual([at, 200, true]);
      expect((await openUiBrowser(world).submit(at, { email })).status).toBe(400);
    }
  });

  test("a passkey's challenge takes one too", async () => {
    const browser = openUiBrowser(world);
    const options = { action: "/auth/ui/passkey" };
    const refused = await browser.submit("/auth/ui/sign-in", {}, options);
    expect([refused.status, refused.html.includes("Sign in")]).toEqual([400, true]);
    const begun = await browser.submit("/auth/ui/sign-in", { [field]: "solved-5" }, options);
    expect([begun.status, begun.html.includes("webauthn-options")]).toEqual([200, true]);
  });
});

test("without one the pages load nothing from elsewhere", async () => {
  const world = await openAuthWorld();
  try {
    await signUp(world, "plain@example.test");
    for (const path of PAGES) {
      const { html, headers } = await openUiBrowser(world).open(path);
      expect(html).not.toMatch(/turnstile|captcha/);
      expect(headers.get("content-security-policy")).toBe(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      );
    }
  } finally {
    await world.close();
  }
});
