-- What admins look people and entries up by.

create index audit_log_entries_actor_idx on auth.audit_log_entries ((payload ->> 'actor_id'), created_at);
create index audit_log_entries_subject_idx
  on auth.audit_log_entries ((payload -> 'traits' ->> 'user_id'), created_at);
create index users_last_sign_in_at_idx on auth.users (last_sign_in_at desc nulls last, id);
