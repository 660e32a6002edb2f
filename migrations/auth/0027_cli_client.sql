-- The command line of this program comes back where an administrator removed it, with which
-- `reactor login --device` had ended. It is not removed any more.
insert into auth.oauth_clients (id, registration_type, client_type, token_endpoint_auth_method,
  redirect_uris, grant_types, client_name, created_at, updated_at)
values ('5ea0c70a-c11e-7000-8000-000000000001', 'manual', 'public', 'none', '{}',
  '{urn:ietf:params:oauth:grant-type:device_code,refresh_token}', 'Reactor command line',
  '2026-01-01', '2026-01-01')
on conflict (id) do nothing;
