-- Rules that drizzle's schema cannot say: foreign keys upward in the module order, exclusion, triggers, views.

alter table accounts add constraint accounts_person_fk foreign key (person_id) references persons (id);
--> statement-breakpoint
alter table sessions add constraint sessions_person_fk foreign key (person_id) references persons (id);
--> statement-breakpoint
alter table participants add constraint participants_team_fk foreign key (team_id) references vanguard_teams (id);
--> statement-breakpoint
alter table emergencies add constraint emergencies_stream_fk foreign key (id) references event_streams (id);
--> statement-breakpoint
-- Invariant 5: no two overlapping pairings of one unit with one grid.
alter table pairings add constraint pairings_no_overlap
  exclude using gist (unit_id with =, grid_id with =, daterange(valid_from, valid_to, '[]') with &&);
--> statement-breakpoint
alter table participants add constraint participants_team_audience_check check ((audience = 'team') = (team_id is not null));
--> statement-breakpoint
-- A duty person never holds a place in a team (invariant 6 speaks of teams).
alter table participants add constraint participants_holds_check check (not holds or audience = 'team');
--> statement-breakpoint
alter table participants set (fillfactor = 70);
--> statement-breakpoint
-- Append-only: by privilege for the service, by trigger for everyone.
revoke update, delete, truncate on emergency_events, audit_log from pingji_app;
--> statement-breakpoint
create function refuse_rewrite() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end
$$;
--> statement-breakpoint
create trigger emergency_events_append_only before update or delete or truncate on emergency_events for each statement execute function refuse_rewrite();
--> statement-breakpoint
create trigger audit_log_append_only before update or delete or truncate on audit_log for each statement execute function refuse_rewrite();
--> statement-breakpoint
-- The state machine of domain rule §4.1, held once more below all code; a drill never becomes real.
create function check_emergency_step() returns trigger language plpgsql as $$
begin
  if new.is_drill is distinct from old.is_drill then
    raise exception 'a drill stays a drill' using errcode = 'check_violation', constraint = 'emergencies_is_drill_immutable';
  end if;
  if new.state is distinct from old.state and (old.state || '>' || new.state) not in (
    'preAlert>activated', 'preAlert>lifted', 'activated>standDown', 'activated>revoked', 'standDown>review', 'review>archived'
  ) then
    raise exception 'illegal step % to %', old.state, new.state using errcode = 'check_violation', constraint = 'emergencies_legal_step';
  end if;
  return new;
end
$$;
--> statement-breakpoint
create trigger emergencies_step before update on emergencies for each row execute function check_emergency_step();
--> statement-breakpoint
create function check_emergency_start() returns trigger language plpgsql as $$
begin
  if new.state <> 'activated' and (new.state <> 'preAlert' or new.kind = 'initialResponse') then
    raise exception 'an emergency cannot begin as %', new.state using errcode = 'check_violation', constraint = 'emergencies_legal_start';
  end if;
  return new;
end
$$;
--> statement-breakpoint
create trigger emergencies_start before insert on emergencies for each row execute function check_emergency_start();
--> statement-breakpoint
-- Invariant 10: no response without a level.
alter table emergencies add constraint emergencies_level_present_check
  check (level is not null or kind = 'initialResponse' or state in ('preAlert', 'lifted'));
--> statement-breakpoint
-- Roles of a person on a county day: named grants, and those that follow from a registry row. A function of
-- the day, not a view of today: the county's zone is not the server's.
create function roles_on(day date) returns table (person_id uuid, role text, scope_type text, scope_id uuid) language sql stable as $$
  select g.person_id, g.role, g.scope_type, g.scope_id
    from role_grants g where g.valid_from <= day and (g.valid_to is null or g.valid_to >= day)
  union
  select p.person_id, p.post, 'grid', p.grid_id
    from grid_posts p where p.valid_from <= day and (p.valid_to is null or p.valid_to >= day)
  union
  select e.person_id, 'unitMember', 'unit', e.unit_id
    from employments e where e.valid_from <= day and (e.valid_to is null or e.valid_to >= day)
$$;
--> statement-breakpoint
-- Whatever changes a roster's ground (a form, an import, a statement by hand) marks its grids as stale.
create function mark_rosters_of_units(unit_ids uuid[]) returns void language sql as $$
  insert into stale_rosters (grid_id)
  select distinct grid_id from pairings where unit_id = any (unit_ids)
  on conflict do nothing
$$;
--> statement-breakpoint
create function stale_by_unit() returns trigger language plpgsql as $$
begin
  perform mark_rosters_of_units(array(select distinct unit_id from changed));
  return null;
end
$$;
--> statement-breakpoint
create function stale_by_person() returns trigger language plpgsql as $$
begin
  perform mark_rosters_of_units(array(
    select distinct e.unit_id from employments e join changed c on c.person_id = e.person_id));
  return null;
end
$$;
--> statement-breakpoint
create function stale_by_unit_row() returns trigger language plpgsql as $$
begin
  perform mark_rosters_of_units(array(select id from changed));
  return null;
end
$$;
--> statement-breakpoint
create function stale_by_pairing() returns trigger language plpgsql as $$
begin
  -- Every grid of the unit: a unit's members are divided among its grids.
  insert into stale_rosters (grid_id) select distinct grid_id from changed on conflict do nothing;
  perform mark_rosters_of_units(array(select distinct unit_id from changed));
  return null;
end
$$;
--> statement-breakpoint
do $$
declare
  spec record;
  kind record;
begin
  for spec in select * from (values
    ('employments', 'stale_by_unit'), ('pairings', 'stale_by_pairing'), ('units', 'stale_by_unit_row'),
    ('exemptions', 'stale_by_person'), ('person_skills', 'stale_by_person'), ('residences', 'stale_by_person'), ('memberships', 'stale_by_person')
  ) as v (table_name, handler) loop
    -- An update concerns where the row was and where it is.
    for kind in select * from (values ('insert', 'new'), ('update', 'old'), ('update', 'new'), ('delete', 'old')) as k (op, side) loop
      execute format('create trigger %I after %s on %I referencing %s table as changed for each statement execute function %I()',
        concat_ws('_', spec.table_name, 'stale', kind.op, kind.side), kind.op, spec.table_name, kind.side, spec.handler);
    end loop;
  end loop;
end
$$;
