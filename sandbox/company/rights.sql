-- What each role may do: the reader reads schema app; the writer writes growth.in_app_banners.
-- "temporary" lets the writer load a batch into a temporary table before it is merged.

revoke all on database product from public;
revoke all on schema public from public;

grant connect on database product to headwater_reader, headwater_writer;

grant usage on schema app to headwater_reader;
grant select on all tables in schema app to headwater_reader;
alter default privileges in schema app grant select on tables to headwater_reader;

grant temporary on database product to headwater_writer;
grant usage on schema growth to headwater_writer;
grant select, insert, update, delete on growth.in_app_banners to headwater_writer;
