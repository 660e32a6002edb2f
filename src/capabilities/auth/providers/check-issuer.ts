/**
 * RFC 9207: the answer says whose it is. A provider that was mixed up with another (RFC 9700 §4.4)
 * would otherwise be sent the other's code.
 */
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { ENTRA_ISSUER, type IssuerMetadata } from "./discovery.ts";
import type { Provider } from "./resolve-provider.ts";

/** @throws bad_oauth_callback, provider_failed */
export async function checkIssuer(
  state: AuthState,
  provider: Provider,
  query: URLSearchParams,
): Promise<void> {
  const all = query.getAll("iss");
  const metadata = await metadataOf(state, provider);
  if (all.length === 0 && !metadata?.sendsIss) return;
  const [iss] = all;
  const isOurs =
    all.length === 1 &&
    iss !== undefined &&
    (metadata ? isIssuer(metadata, iss) : isSameOrigin(iss, provider.authorizeUrl));
  if (!isOurs) throw authErrors.bad_oauth_callback("The answer is another issuer's");
}

const isIssuer = ({ issuer }: IssuerMetadata, iss: string) =>
  iss === issuer || (issuer === ENTRA_ISSUER.template && ENTRA_ISSUER.tenant.test(iss));

/** Where no issuer is known, its answer can at least not come from elsewhere. */
function isSameOrigin(iss: string, authorizeUrl: string | null): boolean {
  const said = URL.parse(iss);
  return said !== null && authorizeUrl !== null && said.origin === new URL(authorizeUrl).origin;
}

async function metadataOf(state: AuthState, { issuer }: Provider): Promise<IssuerMetadata | null> {
  if (issuer === null) return null;
  return state.providers.directory.metadata(issuer).catch((cause: unknown) => {
    throw authErrors.provider_failed(cause);
  });
}
