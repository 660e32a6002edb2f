/**
 * The way back to a client, with what it is told (RFC 6749 §4.1.2) and by whom (RFC 9207), which is
 * what protects a client of several providers from a mix-up.
 */
export interface WayBack {
  /** Registered, and so free of fragments. */
  readonly redirect_uri: string;
  readonly state: string | null;
  readonly issuer: string;
}

export type AuthorizeError =
  | "invalid_request"
  | "unauthorized_client"
  | "access_denied"
  | "unsupported_response_type"
  | "invalid_scope"
  | "invalid_target"
  | "login_required"
  | "consent_required"
  | "interaction_required"
  | "request_not_supported"
  | "request_uri_not_supported"
  | "registration_not_supported";

export function successUrl(back: WayBack, code: string): string {
  return urlWith(back, [["code", code]]);
}

/** @param description ASCII without quotation marks. */
export function errorUrl(back: WayBack, error: AuthorizeError, description: string): string {
  return urlWith(back, [
    ["error", error],
    ["error_description", description],
  ]);
}

/** The registered text stays as it is; parameters join those it has. */
function urlWith(back: WayBack, values: [string, string][]): string {
  const params = new URLSearchParams(values);
  if (back.state !== null) params.set("state", back.state);
  params.set("iss", back.issuer);
  const { redirect_uri: uri } = back;
  return `${uri}${uri.includes("?") ? "&" : "?"}${params.toString()}`;
}
