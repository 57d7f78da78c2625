-- The rows of a new emergency are in no statistics yet when the next statements of its key work with them by
-- the ten thousand: "a value never seen" is planned as one row, and joins become nested loops that never end.
-- Without statistics of their own these columns count as some two hundred rows or more, which joins by hashing.
alter table participants alter column emergency_id set statistics 0, alter column team_id set statistics 0;
--> statement-breakpoint
alter table vanguard_teams alter column emergency_id set statistics 0;
--> statement-breakpoint
alter table emergency_grids alter column emergency_id set statistics 0;
--> statement-breakpoint
alter table alerts alter column emergency_id set statistics 0;
--> statement-breakpoint
alter table deliveries alter column alert_id set statistics 0;
