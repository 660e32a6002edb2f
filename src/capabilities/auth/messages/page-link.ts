/** Links of mails that were asked for on the ready pages. */

const PAGE = "/auth/ui/verify";

/**
 * The address of the page with the token, or null when the mail leads elsewhere.
 * @param base of `linkBase`: only a page of this very server is given the token.
 */
export function pageLink(
  redirectTo: string | undefined,
  base: string,
  token: { readonly hash: string; readonly type: string },
): string | null {
  const url = URL.parse(redirectTo ?? "");
  if (url?.origin !== new URL(base).origin || url.pathname !== PAGE) return null;
  url.searchParams.set("token_hash", token.hash);
  url.searchParams.set("type", token.type);
  return url.href;
}
