/** `app_metadata.provider` and `.providers`: the ways in of a person, oldest first, as GoTrue keeps them. */
import type { IdentityRow, UserPatch, UserRow } from "../schema.ts";

export function providersPatch(
  user: UserRow,
  identities: readonly IdentityRow[],
): Pick<UserPatch, "raw_app_meta_data"> {
  const providers = [...new Set(identities.map(({ provider }) => provider))];
  const [first] = providers;
  const provider = first === undefined ? {} : { provider: first };
  return { raw_app_meta_data: { ...user.raw_app_meta_data, ...provider, providers } };
}
