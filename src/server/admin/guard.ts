/**
 * Who may call `/_admin` and read `/metrics`: the holder of the admin token, from this machine (or
 * over TLS with `admin.allow_remote`), and never a page in a browser.
 */
import { timingSafeEqual } from "node:crypto";
import { contextOf } from "../../core/context.ts";
import { coreErrors, defineErrors } from "../../core/errors.ts";
import { isFromBrowser, isLocal, namesLoopback } from "../../core/local.ts";

export const adminErrors = defineErrors({
  admin_browser_refused: () => ({
    status: 403,
    message: "The admin API does not answer web pages",
    hint: "Use the reactor command line or another program",
  }),
  admin_not_local: () => ({
    status: 403,
    message: "The admin API answers on this machine only",
    hint: "Run the command on the server, use `--tunnel ssh://…`, or set [admin] allow_remote = true and connect over TLS",
  }),
  admin_token_required: () => ({
    status: 401,
    message: "The admin token is missing or wrong",
    hint: "Send `Authorization: Bearer <admin token>`; it is in admin.token in the data folder",
    headers: { "WWW-Authenticate": "Bearer" },
  }),
});

export interface AdminGuard {
  /** Throws unless the request may administer. */
  check(request: Request): void;
  /** Throws unless the request is local or carries the token. */
  checkReader(request: Request): void;
}

export function createAdminGuard(options: { token: string; allowRemote: boolean }): AdminGuard {
  const hasToken = (headers: Headers) => bearerEquals(headers.get("authorization"), options.token);
  const isReachable = (request: Request) => {
    const context = contextOf(request);
    return isLocal(context, request.headers) || (options.allowRemote && context.secure);
  };
  return {
    check(request) {
      if (isFromBrowser(request.headers)) throw adminErrors.admin_browser_refused();
      if (!isReachable(request)) throw adminErrors.admin_not_local();
      if (!hasToken(request.headers)) throw adminErrors.admin_token_required();
    },
    checkReader(request) {
      const context = contextOf(request);
      const { headers } = request;
      if (isLocal(context, headers) && namesLoopback(headers) && !isFromBrowser(headers)) return;
      // Our own children's socket is no way in, whatever token a function has come by.
      if (context.peer !== "unix" && hasToken(headers)) return;
      throw coreErrors.forbidden(
        "Metrics are read on this machine or with the admin token",
        "Send `Authorization: Bearer <admin token>`",
      );
    },
  };
}

function bearerEquals(header: string | null, token: string): boolean {
  const sent = /^bearer ([^\s]+)$/i.exec(header ?? "")?.[1];
  if (sent === undefined) return false;
  // Digests have one length, so neither the token nor its length shows in the time taken.
  return timingSafeEqual(digest(sent), digest(token));
}

function digest(text: string): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(text).digest();
}
