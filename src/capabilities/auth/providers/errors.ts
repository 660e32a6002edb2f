/** Rows of the error table (`../errors.ts`) for sign-in through others: flows, providers, identities, SAML. */
export const providerErrors = {
  email_address_not_provided: (provider: string) => ({
    status: 422,
    message: `Error getting user email from external provider ${provider}`,
    hint: "Let the provider share your e-mail address, or sign in another way",
  }),
  provider_email_needs_verification: (provider: string) => ({
    status: 403,
    message: `Unverified email with ${provider}`,
    hint: "Verify your e-mail address at the provider and sign in again",
  }),
  manual_linking_disabled: () => ({
    status: 404,
    message: "Manual linking is disabled",
    hint: "auth.manual_linking = true allows it",
  }),
  identity_id_invalid: () => ({
    status: 404,
    code: "validation_failed",
    message: "identity_id must be an UUID",
  }),
  identity_not_found: () => ({ status: 422, message: "Identity doesn't exist" }),
  single_identity_not_deletable: () => ({
    status: 422,
    message: "User must have at least 1 identity after unlinking",
    hint: "Link another identity first",
  }),
  email_conflict_identity_not_deletable: () => ({
    status: 422,
    message: "Unable to unlink identity due to email conflict",
  }),
  oauth_provider_not_supported: (provider: string) => ({
    status: 400,
    code: "validation_failed",
    message: `Unsupported provider: ${provider || "(none)"} is not enabled`,
    hint: "[auth.providers.<name>] in reactor.toml enables one",
  }),
  custom_provider_not_found: () => ({
    status: 404,
    code: "provider_not_found",
    message: "Custom provider not found",
  }),
  custom_provider_exists: (identifier: string) => ({
    status: 422,
    code: "conflict",
    message: `A custom provider with the identifier ${identifier} already exists`,
  }),
  saml_provider_disabled: () => ({
    status: 404,
    message: "SAML 2.0 is disabled",
    hint: "auth.saml.enabled = true enables it",
  }),
  saml_needs_address: () => ({
    status: 404,
    code: "saml_provider_disabled",
    message: "SAML 2.0 needs an address that identity providers know this server by",
    hint: "Set server.public_url",
  }),
  sso_provider_not_found: (message = "SSO Identity Provider not found") => ({
    status: 404,
    message,
  }),
  sso_provider_disabled: () => ({ status: 404, message: "This SSO provider is disabled" }),
  saml_idp_already_exists: (entityId: string) => ({
    status: 422,
    message: `SAML Identity Provider with this EntityID (${entityId}) already exists`,
  }),
  saml_entity_id_mismatch: (entityId: string) => ({
    status: 400,
    message: `SAML Metadata can be updated only if the EntityID matches for the provider; expected '${entityId}'`,
  }),
  saml_metadata_fetch_failed: (cause: unknown) => ({
    status: 400,
    message: "SAML Metadata could not be fetched from metadata_url",
    cause,
  }),
  sso_domain_already_exists: (domain: string) => ({
    status: 400,
    message: `SSO Domain '${domain}' is already assigned to an SSO identity provider`,
  }),
  saml_relay_state_not_found: () => ({
    status: 404,
    message: "SAML RelayState does not exist, try logging in again?",
  }),
  saml_assertion_invalid: (cause: unknown) => ({
    status: 400,
    code: "validation_failed",
    message: "SAML Assertion is not valid",
    hint: "The server's log has the reason",
    cause,
  }),
  saml_assertion_no_user_id: () => ({
    status: 400,
    message:
      "SAML Assertion did not contain a persistent Subject Identifier attribute or Subject NameID uniquely identifying this user",
  }),
  saml_assertion_no_email: () => ({
    status: 400,
    message: "SAML Assertion does not contain an email address",
  }),
  bad_oauth_state: (details: string) => ({
    status: 400,
    message: "OAuth state is invalid",
    details,
    hint: "Begin the sign-in again, in the browser it ends in",
  }),
  bad_oauth_callback: (message: string, cause?: unknown) => ({ status: 400, message, cause }),
  provider_refused: (error: string, message: string) => ({
    status: 403,
    code: "access_denied",
    message,
    extra: { oauth_error: error },
  }),
  provider_failed: (cause: unknown) => ({
    status: 502,
    code: "unexpected_failure",
    message: "Unable to exchange external code",
    hint: "The provider's answer was not as expected; the server's log has the reason",
    cause,
  }),
  bad_id_token: (details: string, cause?: unknown) => ({
    status: 400,
    code: "validation_failed",
    message: "Bad ID token",
    details,
    cause,
  }),
  identity_already_exists: (isOwn: boolean) => ({
    status: 422,
    message: isOwn ? "Identity is already linked" : "Identity is already linked to another user",
  }),
  flow_state_not_found: () => ({
    status: 404,
    message: "invalid flow state, no valid flow state found",
    hint: "A code works once; begin the sign-in again",
  }),
  flow_state_expired: () => ({
    status: 403,
    message: "invalid flow state, flow state has expired",
    hint: "Begin the sign-in again",
  }),
  bad_code_verifier: () => ({
    status: 400,
    message: "code challenge does not match previously saved code verifier",
    hint: "The code is spent; begin the sign-in again in the same browser",
  }),
  // Hooks, messages and defence.
};
