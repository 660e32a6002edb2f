/** Where links may lead: every way that an address can look like an allowed one and is another. */
import { describe, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { attachContext, type RequestContext } from "../../../core/context.ts";
import type { AuthState } from "../auth-state.ts";
import { authConfig } from "../config.ts";
import { allowedRedirect, mailedRedirect } from "./redirects.ts";

const SITE = "https://app.example.test";

interface Setting {
  readonly site?: string;
  readonly urls?: readonly string[];
  readonly development?: boolean;
  readonly publicUrl?: string;
  readonly referer?: string;
  readonly origin?: string;
  readonly mailed?: boolean;
}

function redirect(candidate: string | null, setting: Setting = {}): string | null {
  const { site = SITE, urls = [], development = false, publicUrl = "", referer } = setting;
  const { origin = "http://10.0.0.9:7890", mailed = false } = setting;
  const request = new Request("http://localhost/auth/v1/verify", {
    headers: referer === undefined ? {} : { referer },
  });
  attachContext(request, { origin } as RequestContext);
  const state = {
    config: { site_url: site, redirect_urls: urls },
    deps: { server: { development, publicUrl } },
  } as unknown as AuthState;
  return (mailed ? mailedRedirect : allowedRedirect)(state, request, candidate);
}

describe("without a list", () => {
  test("pages of the app itself are allowed, and the fragment is left out", () => {
    expect(redirect(`${SITE}/welcome?next=%2Fa#token`)).toBe(`${SITE}/welcome?next=%2Fa`);
    expect(redirect(null)).toBe(SITE);
    expect(redirect("")).toBe(SITE);
  });

  test.each([
    "https://evil.test/",
    "https://app.example.test.evil.test/",
    "https://evil.test/https://app.example.test/",
    "https://app.example.test@evil.test/",
    "https://user:pass@app.example.test/",
    "https://app.example.test\\@evil.test/",
    "https:\\\\evil.test/",
    "https://app.example.test:8443/",
    "http://app.example.test/",
    "//evil.test/",
    "///evil.test/",
    "/\\evil.test",
    "/relative",
    "\thttps://evil.test/",
    " https://app.example.test/",
    "https://app.example.test/\r\nLocation: https://evil.test/",
    "https://app.example.test\u0000.evil.test/",
    "https://app%2eexample%2etest%2eevil.test/",
    "https://app\u3002example.test.evil.test/",
    "https://аpp.example.test/",
    "javascript:alert(1)//https://app.example.test/",
    "data:text/html,<script>alert(1)</script>",
    "blob:https://app.example.test/0",
    "file:///etc/passwd",
    "view-source:https://app.example.test/",
    "https://2130706433/",
    "http://[::ffff:127.0.0.1]/",
    "http://localhost/",
    `${SITE}/${"a".repeat(2048)}`,
    "not an address",
  ])("%j leads to the app", (candidate) => {
    expect(redirect(candidate)).toBe(SITE);
  });

  test("the page the request came from is the second choice, and judged by the same rule", () => {
    expect(redirect(null, { referer: `${SITE}/login` })).toBe(`${SITE}/login`);
    expect(redirect("https://evil.test", { referer: `${SITE}/login` })).toBe(`${SITE}/login`);
    expect(redirect(null, { referer: "https://evil.test/" })).toBe(SITE);
  });

  test("the app's address is, in this order, what was set, the public URL, this server", () => {
    expect(redirect(null, { site: "", publicUrl: "https://api.test" })).toBe("https://api.test");
    expect(redirect(null, { site: "" })).toBe("http://10.0.0.9:7890");
    expect(redirect("https://evil.test", { site: "" })).toBe("http://10.0.0.9:7890");
  });

  test("a mail never leads to a server that only the request named", () => {
    const poisoned = { site: "", origin: "http://evil.test", mailed: true };
    expect(redirect(null, poisoned)).toBeNull();
    expect(redirect("http://evil.test/page", poisoned)).toBeNull();
    expect(redirect("https://ok.test/", { ...poisoned, urls: ["https://ok.test"] })).toBe(
      "https://ok.test/",
    );
    const local = "http://127.0.0.1:7890";
    expect(redirect(null, { site: "", origin: local, mailed: true })).toBe(local);
    expect(redirect(null, { ...poisoned, publicUrl: "https://api.test" })).toBe("https://api.test");
  });

  test("on a developer's machine, so are its own ports", () => {
    const development = { development: true };
    for (const own of ["http://localhost:5173/cb", "http://127.0.0.1:3000/", "http://[::1]:1/"]) {
      expect(redirect(own, development)).toBe(own);
    }
    for (const other of ["http://localhost.evil.test/", "http://127.0.0.1.evil.test/"]) {
      expect(redirect(other, development)).toBe(SITE);
    }
  });
});

describe("an entry", () => {
  const allows = (entry: string, candidate: string) =>
    redirect(candidate, { urls: [entry] }) !== SITE;

  test.each([
    ["https://other.test/callback", "https://other.test/callback"],
    ["https://other.test/callback?a=1", "https://other.test/callback?a=1"],
    ["https://other.test", "https://other.test/"],
    ["https://other.test:443/", "https://other.test/"],
    ["https://*.preview.test/", "https://pr-7.preview.test/"],
    ["https://*-team.preview.test/**", "https://app-team.preview.test/a/b?c=d"],
    ["https://other.test/*/callback", "https://other.test/de/callback"],
    ["https://other.test/**", "https://other.test/"],
    ["http://localhost:*/callback", "http://localhost:3000/callback"],
    ["http://127.0.0.1/callback", "http://127.0.0.1:51004/callback"],
    ["com.example.app:/callback", "com.example.app:/callback"],
    ["example://callback", "example://callback"],
    ["example://**", "example://any/thing?at=all"],
  ])("%s allows %s", (entry, candidate) => {
    expect(allows(entry, candidate)).toBe(true);
  });

  test.each([
    ["https://other.test/callback", "https://other.test/callback/"],
    ["https://other.test/callback", "https://other.test/callback?next=https://evil.test"],
    ["https://other.test/callback", "https://other.test/CALLBACK"],
    ["https://other.test/callback", "https://other.test/callback/../../admin"],
    ["https://other.test/callback", "http://other.test/callback"],
    ["https://other.test/callback", "https://other.test:8443/callback"],
    ["https://other.test", "https://otherxtest/"],
    ["https://*.preview.test/", "https://a.b.preview.test/"],
    ["https://*.preview.test/", "https://preview.test/"],
    ["https://*.preview.test/", "https://evil.test/.preview.test/"],
    ["https://*.preview.test/", "https://evil.test?.preview.test/"],
    ["https://*-team.preview.test/**", "https://evil.test/x-team.preview.test/"],
    ["https://other.test/*/callback", "https://other.test/a/b/callback"],
    ["https://other.test/*/callback", "https://other.test/a%2fb/callback"],
    ["https://other.test/*", "https://other.test/a?b=c"],
    ["https://other.test:*/", "https://other.test.evil.test:443/"],
    ["http://127.0.0.1/callback", "http://127.0.0.1.evil.test/callback"],
    ["com.example.app:/callback", "com.example.app:/callback2"],
    ["example://callback", "https://callback/"],
    ["example://**", "https://evil.test/example://x"],
    ["example://**", "example-evil://x"],
  ])("%s does not allow %s", (entry, candidate) => {
    expect(allows(entry, candidate)).toBe(false);
  });

  test.each([
    "javascript://x/**",
    "data:/x",
    "https://*.com/**",
    "https://*/**",
    "https://**/",
    "https://user@other.test/",
    "https://other.test/#x",
    "**",
    "*://other.test/",
    "HTTPS://other.test",
  ])("%s is no entry", (entry) => {
    expect(Value.Check(authConfig.properties.redirect_urls, [entry])).toBe(false);
  });
});
