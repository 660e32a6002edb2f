-- Tokens of OAuth clients may be limited as API keys are: they say `scoped`, and `scope` as one text.
create or replace function auth.has_scope(wanted text) returns boolean
  language sql stable
  return case
    when nullif(current_setting('request.jwt.claims', true), '')::jsonb ? 'scopes'
      then auth.permits(coalesce(auth.claim_list('scopes'), '{}'), wanted)
    when nullif(current_setting('request.jwt.claims', true), '')::jsonb ? 'scoped'
      then auth.permits(
        string_to_array(
          coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'scope', ''),
          ' '
        ),
        wanted
      )
    else wanted is not null
  end;
