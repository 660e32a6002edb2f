-- Clients that look after themselves (RFC 7592), where a sign-out may lead (OpenID Connect
-- RP-Initiated Logout 1.0), and tokens of clients that end with the sign-in they came from.

alter table auth.oauth_clients
  -- sha256 of the token by which a client that registered itself reads and changes what it said.
  add column registration_token_hash bytea check (length(registration_token_hash) = 32),
  add column post_logout_redirect_uris text[] not null default '{}';

-- `not_after` of the session in which the person agreed; null = it has no end.
alter table auth.oauth_authorizations add column session_ends_at timestamptz;
alter table auth.oauth_device_codes add column session_ends_at timestamptz;
