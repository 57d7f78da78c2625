-- The key writes participants and deliveries by the ten thousand, and answers write events so. A foreign key asks
-- once per row and column, which was two thirds of the key's time. The same promise is kept once per statement
-- here: what a new row refers to exists. And what is referred to stays: those tables' rows are never removed.
ALTER TABLE "deliveries" DROP CONSTRAINT "deliveries_alert_id_alerts_id_fk";
--> statement-breakpoint
ALTER TABLE "deliveries" DROP CONSTRAINT "deliveries_person_id_persons_id_fk";
--> statement-breakpoint
ALTER TABLE "participants" DROP CONSTRAINT "participants_emergency_id_emergencies_id_fk";
--> statement-breakpoint
ALTER TABLE "participants" DROP CONSTRAINT "participants_person_id_persons_id_fk";
--> statement-breakpoint
ALTER TABLE "participants" DROP CONSTRAINT "participants_grid_id_grids_id_fk";
--> statement-breakpoint
ALTER TABLE "participants" DROP CONSTRAINT "participants_unit_id_units_id_fk";
--> statement-breakpoint
alter table participants drop constraint participants_team_fk;
--> statement-breakpoint
-- An event is written only beside its stream's row, in one statement (eventlog.ts#append).
ALTER TABLE "emergency_events" DROP CONSTRAINT "emergency_events_emergency_id_event_streams_id_fk";
--> statement-breakpoint
-- Kept to the letter, and neither taken apart when written nor put together when read.
ALTER TABLE "emergency_events" ALTER COLUMN "data" SET DATA TYPE json USING data::json;
--> statement-breakpoint
-- Called, answered, arrived: room for three more versions of a row on its own page, so that no index has to follow.
alter table participants set (fillfactor = 40);
--> statement-breakpoint
create function refuse_unknown(constraint_name text) returns void language plpgsql as $$
begin
  raise exception 'a row refers to one that does not exist (%)', constraint_name using errcode = 'foreign_key_violation', constraint = constraint_name;
end
$$;
--> statement-breakpoint
create function check_participants_refer() returns trigger language plpgsql as $$
declare
  place record;
begin
  -- Thousands of people stand in a few places.
  for place in select distinct emergency_id, team_id, grid_id, unit_id from added loop
    if not exists (select from emergencies r where r.id = place.emergency_id) then
      perform refuse_unknown('participants_emergency_fk');
    end if;
    if place.team_id is not null and not exists (select from vanguard_teams r where r.id = place.team_id) then
      perform refuse_unknown('participants_team_fk');
    end if;
    if not exists (select from grids r where r.id = place.grid_id) then
      perform refuse_unknown('participants_grid_fk');
    end if;
    if place.unit_id is not null and not exists (select from units r where r.id = place.unit_id) then
      perform refuse_unknown('participants_unit_fk');
    end if;
  end loop;
  if exists (select from added a where not exists (select from persons r where r.id = a.person_id)) then
    perform refuse_unknown('participants_person_fk');
  end if;
  return null;
end
$$;
--> statement-breakpoint
create trigger participants_refer after insert on participants referencing new table as added for each statement execute function check_participants_refer();
--> statement-breakpoint
-- People move between teams; nothing else that a participant refers to ever changes.
create function check_participant_moves() returns trigger language plpgsql as $$
begin
  if (new.emergency_id, new.person_id) is distinct from (old.emergency_id, old.person_id) or new.unit_id is distinct from old.unit_id then
    raise exception 'a participant stays who he is' using errcode = 'restrict_violation';
  end if;
  if new.team_id is not null and not exists (select from vanguard_teams r where r.id = new.team_id) then
    perform refuse_unknown('participants_team_fk');
  end if;
  if not exists (select from grids r where r.id = new.grid_id) then
    perform refuse_unknown('participants_grid_fk');
  end if;
  return new;
end
$$;
--> statement-breakpoint
create trigger participants_move before update of emergency_id, person_id, unit_id, team_id, grid_id on participants for each row
  when ((new.emergency_id, new.person_id, new.unit_id, new.team_id, new.grid_id) is distinct from (old.emergency_id, old.person_id, old.unit_id, old.team_id, old.grid_id))
  execute function check_participant_moves();
--> statement-breakpoint
create function check_deliveries_refer() returns trigger language plpgsql as $$
begin
  if exists (select from (select distinct alert_id as id from added) a where not exists (select from alerts r where r.id = a.id)) then
    perform refuse_unknown('deliveries_alert_fk');
  end if;
  if exists (select from added a where not exists (select from persons r where r.id = a.person_id)) then
    perform refuse_unknown('deliveries_person_fk');
  end if;
  return null;
end
$$;
--> statement-breakpoint
create trigger deliveries_refer after insert on deliveries referencing new table as added for each statement execute function check_deliveries_refer();
--> statement-breakpoint
create trigger deliveries_keep before update of alert_id, person_id on deliveries for each statement execute function refuse_rewrite();
--> statement-breakpoint
create function refuse_removal() returns trigger language plpgsql as $$
begin
  raise exception 'rows of % are ended, never removed: others refer to them', tg_table_name using errcode = 'restrict_violation';
end
$$;
--> statement-breakpoint
do $$
declare
  referred text;
begin
  foreach referred in array array['event_streams', 'emergencies', 'vanguard_teams', 'alerts', 'persons', 'units', 'grids'] loop
    execute format('revoke delete, truncate on %I from pingji_app', referred);
    execute format('create trigger %I before delete or truncate or update of id on %I for each statement execute function refuse_removal()', referred || '_stay', referred);
  end loop;
end
$$;
