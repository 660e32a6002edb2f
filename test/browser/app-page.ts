/**
 * An app as a browser sees it: a page of its own origin with an unchanged supabase-js, talking to the
 * server across origins. What a test calls in the page is `app.auth…`.
 */
import { fileURLToPath } from "node:url";
import type { SupabaseClient } from "@supabase/supabase-js";
import type { CDPSession, Page } from "playwright-core";

interface ServedTo {
  readonly url: string;
  readonly publishableKey: string;
  /** How sessions come back in the address; `implicit` when left out. */
  readonly flowType?: "implicit" | "pkce";
}

export interface AppPage {
  /** `http://localhost:<port>`. */
  readonly origin: string;
  /** Tells the page which server it talks to. */
  serve(server: ServedTo): void;
  stop(): Promise<void>;
}

declare global {
  /** In the page. */
  var app: SupabaseClient;
  /** What auth-js has told the page, in order. */
  var events: string[];
}

const ENTRY = fileURLToPath(import.meta.resolve("@supabase/supabase-js"));

export async function openAppPage(): Promise<AppPage> {
  const built = await Bun.build({
    entrypoints: [ENTRY],
    target: "browser",
    format: "esm",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const script = (await built.outputs[0]?.text()) ?? "";
  let page = "";
  const listener = Bun.serve({
    port: 0,
    hostname: "localhost",
    fetch: ({ url }) =>
      new URL(url).pathname === "/supabase.js"
        ? new Response(script, { headers: { "content-type": "text/javascript" } })
        : new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } }),
  });
  return {
    origin: `http://localhost:${listener.port}`,
    serve({ url, publishableKey, flowType = "implicit" }) {
      const auth = { autoRefreshToken: false, experimental: { recoveryCodes: true }, flowType };
      const options = { auth };
      const args = [url, publishableKey, options].map((arg) => JSON.stringify(arg)).join(", ");
      page = `<!doctype html><title>App</title><link rel="icon" href="data:,"><script type="module">
import { createClient } from "/supabase.js";
globalThis.events = [];
globalThis.app = createClient(${args});
app.auth.onAuthStateChange((event) => void events.push(event));
</script>`;
    },
    stop: () => listener.stop(true),
  };
}

/** Opens the page and waits for its client. */
export async function openApp(page: Page, origin: string): Promise<void> {
  await page.goto(origin);
  await page.waitForFunction(() => globalThis.app !== undefined);
}

export interface VirtualAuthenticator {
  readonly session: CDPSession;
  readonly id: string;
}

/** Chromium's own authenticator in software: WebAuthn Level 3 §11. */
export async function addAuthenticator(
  page: Page,
  options: { readonly passkeys?: boolean; readonly verifies?: boolean } = {},
): Promise<VirtualAuthenticator> {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const { passkeys = true, verifies = true } = options;
  const { authenticatorId: id } = await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: passkeys ? "internal" : "usb",
      hasResidentKey: passkeys,
      hasUserVerification: verifies,
      isUserVerified: verifies,
      automaticPresenceSimulation: true,
    },
  });
  return { session, id };
}
