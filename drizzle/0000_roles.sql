-- The service runs as pingji_app, which owns nothing: it cannot alter tables, and it cannot rewrite the
-- event log or the audit trail (0002). The owner connects for migrations alone.
-- Roles belong to the whole server, so a second database finds the role already there.
do $$
begin
  if not exists (select from pg_roles where rolname = 'pingji_app') then
    create role pingji_app nologin;
  end if;
exception
  when duplicate_object or unique_violation then null;
  when insufficient_privilege then
    raise exception 'the database user may not create roles: let an administrator run  CREATE ROLE pingji_app NOLOGIN; GRANT pingji_app TO %;', current_user;
end
$$;
--> statement-breakpoint
do $$
begin
  if not pg_has_role(current_user, 'pingji_app', 'member') then
    execute format('grant pingji_app to %I', current_user);
  end if;
end
$$;
--> statement-breakpoint
grant usage on schema public to pingji_app;
--> statement-breakpoint
alter default privileges in schema public grant select, insert, update, delete on tables to pingji_app;
--> statement-breakpoint
alter default privileges in schema public grant usage, select on sequences to pingji_app;
--> statement-breakpoint
-- Exclusion of overlapping pairings (0002) compares uuids inside a GiST index.
create extension if not exists btree_gist;
