/**
 * `/openapi.json` and its page `/swagger`, both without a network: the document is generated from
 * the routes at the first request, the page's assets are embedded (a Pi may be offline).
 */
import { type AnyElysia, Elysia } from "elysia";
import styles from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import bundle from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import { base } from "../core/http.ts";

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Reactor API</title>
<link rel="stylesheet" href="/swagger/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/swagger/swagger-ui-bundle.js"></script>
<script src="/swagger/start.js"></script>
</body>
</html>
`;

const START = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: true });
`;

const SECURITY_SCHEMES = {
  bearer: { type: "http", scheme: "bearer", description: "An access token or a project key" },
  apikey: { type: "apiKey", in: "header", name: "apikey", description: "A project key" },
  admin: { type: "http", scheme: "bearer", description: "The admin token of the data folder" },
} as const;

/** Assets never change within one version of the executable. */
const CACHE = "public, max-age=3600";

async function generate(version: string, plugins: readonly AnyElysia[]): Promise<string> {
  // Loaded on demand: generating the document is rare and would slow every boot.
  const { swagger } = await import("@elysiajs/swagger");
  let app: AnyElysia = new Elysia().use(
    swagger({
      path: "/swagger",
      specPath: "/openapi.json",
      excludeStaticFile: false,
      exclude: [/^\/swagger/, "/openapi.json"],
      documentation: {
        info: {
          title: "Reactor",
          version,
          description: "One backend in one executable: identity, data, functions and more.",
        },
        components: { securitySchemes: SECURITY_SCHEMES },
      },
    }),
  );
  for (const plugin of plugins) app = app.use(plugin);
  const answer = await app.handle(new Request("http://localhost/openapi.json"));
  return answer.text();
}

function asset(path: string, type: string): Response {
  return new Response(Bun.file(path), {
    headers: { "Content-Type": type, "Cache-Control": CACHE },
  });
}

/** Routes of the document and its page. `plugins` are all that shall be described. */
export function openapiRoutes(version: string, plugins: () => readonly AnyElysia[]) {
  let document: Promise<string> | undefined;
  const hidden = { detail: { hide: true } };
  return new Elysia({ name: "server.openapi" })
    .use(base())
    .get(
      "/openapi.json",
      async () => {
        document ??= generate(version, plugins());
        return new Response(await document, { headers: { "Content-Type": "application/json" } });
      },
      hidden,
    )
    .get("/swagger", () => htmlPage(), hidden)
    .get("/swagger/start.js", () => new Response(START, { headers: SCRIPT }), hidden)
    .get("/swagger/swagger-ui.css", () => asset(styles, "text/css;charset=utf-8"), hidden)
    .get(
      "/swagger/swagger-ui-bundle.js",
      () => asset(bundle, "text/javascript;charset=utf-8"),
      hidden,
    );
}

const SCRIPT = { "Content-Type": "text/javascript;charset=utf-8", "Cache-Control": CACHE };

function htmlPage(): Response {
  return new Response(PAGE, {
    headers: {
      "Content-Type": "text/html;charset=utf-8",
      "Content-Security-Policy":
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'",
    },
  });
}
