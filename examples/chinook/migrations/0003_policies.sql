-- Who sees what. Every table has row security, so whatever no policy allows is not there: nobody
-- writes but the secret key, and the staff is nobody's business.
--
-- `(select auth.uid())` is evaluated once a query, not once a row; customer.user_id is unique, hence
-- indexed, and so are the columns that lead from a line to its invoice to its customer.

alter table public.artist enable row level security;
alter table public.album enable row level security;
alter table public.media_type enable row level security;
alter table public.genre enable row level security;
alter table public.track enable row level security;
alter table public.playlist enable row level security;
alter table public.playlist_track enable row level security;
alter table public.employee enable row level security;
alter table public.customer enable row level security;
alter table public.invoice enable row level security;
alter table public.invoice_line enable row level security;

-- The catalogue and the playlists are for everybody.
create policy "anybody reads artists" on public.artist
  for select to anon, authenticated using (true);
create policy "anybody reads albums" on public.album
  for select to anon, authenticated using (true);
create policy "anybody reads media types" on public.media_type
  for select to anon, authenticated using (true);
create policy "anybody reads genres" on public.genre
  for select to anon, authenticated using (true);
create policy "anybody reads tracks" on public.track
  for select to anon, authenticated using (true);
create policy "anybody reads playlists" on public.playlist
  for select to anon, authenticated using (true);
create policy "anybody reads what is on playlists" on public.playlist_track
  for select to anon, authenticated using (true);

-- Customers see themselves, their invoices and the lines of those.
create policy "customers see themselves" on public.customer
  for select to authenticated
  using (user_id = (select auth.uid()));

create policy "customers see their invoices" on public.invoice
  for select to authenticated
  using (
    customer_id = (
      select c.customer_id from public.customer c where c.user_id = (select auth.uid())
    )
  );

create policy "customers see the lines of their invoices" on public.invoice_line
  for select to authenticated
  using (
    invoice_id in (
      select i.invoice_id from public.invoice i
      join public.customer c on c.customer_id = i.customer_id
      where c.user_id = (select auth.uid())
    )
  );
