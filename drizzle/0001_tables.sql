CREATE TABLE "sandbox_messages" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sandbox_messages_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"person_id" uuid NOT NULL,
	"phone_masked" text NOT NULL,
	"text" text NOT NULL,
	"at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit_log" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "audit_log_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"actor_id" uuid,
	"action" text NOT NULL,
	"subject_type" text NOT NULL,
	"subject_id" uuid,
	"request_id" text,
	"details" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "alerts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"emergency_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"audience" text NOT NULL,
	"sms_template" text NOT NULL,
	"text" text NOT NULL,
	"issued_by" uuid,
	"issued_at" timestamp with time zone NOT NULL,
	CONSTRAINT "alerts_kind_check" CHECK ("alerts"."kind" in ('standby', 'activation', 'duty', 'summons', 'correction', 'levelChange', 'urge', 'release', 'preempted', 'drillAborted', 'revocation', 'termination', 'lifted')),
	CONSTRAINT "alerts_audience_check" CHECK ("alerts"."audience" in ('team', 'duty'))
);
--> statement-breakpoint
CREATE TABLE "call_answers" (
	"answer_id" uuid PRIMARY KEY NOT NULL,
	"emergency_id" uuid NOT NULL,
	"person_id" uuid NOT NULL,
	"answer" text NOT NULL,
	"via" text NOT NULL,
	"promised_at" timestamp with time zone,
	"reason" text,
	"note" text DEFAULT '' NOT NULL,
	"relayed_by" uuid,
	"is_late" boolean NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "call_answers_answer_check" CHECK ("call_answers"."answer" in ('going', 'later', 'cannot', 'alreadyThere')),
	CONSTRAINT "call_answers_via_check" CHECK ("call_answers"."via" in ('app', 'link', 'sms', 'voice', 'wecom', 'relay', 'officer', 'checkIn'))
);
--> statement-breakpoint
CREATE TABLE "deliveries" (
	"alert_id" uuid NOT NULL,
	"person_id" uuid NOT NULL,
	"channel" text NOT NULL,
	"state" text NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"lease_until" timestamp with time zone,
	"not_before" timestamp with time zone,
	"provider_id" text,
	"failure" text,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "deliveries_pk" PRIMARY KEY("alert_id","person_id","channel"),
	CONSTRAINT "deliveries_channel_check" CHECK ("deliveries"."channel" in ('inapp', 'sms')),
	CONSTRAINT "deliveries_state_check" CHECK ("deliveries"."state" in ('pending', 'sending', 'accepted', 'delivered', 'read', 'failedTemp', 'failedPerm', 'unknown', 'cancelled'))
);
--> statement-breakpoint
CREATE TABLE "emergencies" (
	"id" uuid PRIMARY KEY NOT NULL,
	"serial" integer GENERATED ALWAYS AS IDENTITY (sequence name "emergencies_serial_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"no" text NOT NULL,
	"kind" text NOT NULL,
	"event_class" text NOT NULL,
	"name" text NOT NULL,
	"is_drill" boolean NOT NULL,
	"state" text NOT NULL,
	"level" smallint,
	"level_authority" text NOT NULL,
	"basis" text NOT NULL,
	"approver" text NOT NULL,
	"approval_mode" text NOT NULL,
	"basis_supplied_at" timestamp with time zone,
	"measures" text NOT NULL,
	"rally_by" timestamp with time zone,
	"expected_until" timestamp with time zone NOT NULL,
	"warning" jsonb,
	"plan" jsonb NOT NULL,
	"initiator_id" uuid NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"activated_at" timestamp with time zone,
	"terminated_at" timestamp with time zone,
	"review_opened_at" timestamp with time zone,
	"archived_at" timestamp with time zone,
	"end_reason" text,
	"residual_measures" text,
	CONSTRAINT "emergencies_no_key" UNIQUE("no"),
	CONSTRAINT "emergencies_serial_key" UNIQUE("serial"),
	CONSTRAINT "emergencies_kind_check" CHECK ("emergencies"."kind" in ('response', 'initialResponse')),
	CONSTRAINT "emergencies_event_class_check" CHECK ("emergencies"."event_class" in ('naturalDisaster', 'accidentDisaster', 'publicHealth', 'socialSecurity')),
	CONSTRAINT "emergencies_state_check" CHECK ("emergencies"."state" in ('preAlert', 'activated', 'standDown', 'review', 'archived', 'lifted', 'revoked')),
	CONSTRAINT "emergencies_level_check" CHECK ("emergencies"."level" in (1, 2, 3, 4)),
	CONSTRAINT "emergencies_level_authority_check" CHECK ("emergencies"."level_authority" in ('county', 'city', 'province', 'nation', 'community')),
	CONSTRAINT "emergencies_approval_mode_check" CHECK ("emergencies"."approval_mode" in ('written', 'oral'))
);
--> statement-breakpoint
CREATE TABLE "emergency_grids" (
	"emergency_id" uuid NOT NULL,
	"grid_id" uuid NOT NULL,
	"added_at" timestamp with time zone NOT NULL,
	"stood_down_at" timestamp with time zone,
	CONSTRAINT "emergency_grids_pk" PRIMARY KEY("emergency_id","grid_id")
);
--> statement-breakpoint
CREATE TABLE "accounts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"person_id" uuid NOT NULL,
	"password_hash" text NOT NULL,
	"disabled" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "accounts_person_key" UNIQUE("person_id")
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"token_hash" "bytea" NOT NULL,
	"kind" text NOT NULL,
	"person_id" uuid NOT NULL,
	"emergency_id" uuid,
	"user_agent" text DEFAULT '' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "sessions_token_key" UNIQUE("token_hash"),
	CONSTRAINT "sessions_kind_check" CHECK ("sessions"."kind" in ('account', 'link'))
);
--> statement-breakpoint
CREATE TABLE "switch_preparations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"nonce_hash" "bytea" NOT NULL,
	"operator_id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"request" jsonb NOT NULL,
	"audience_hash" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone,
	"emergency_id" uuid
);
--> statement-breakpoint
CREATE TABLE "participants" (
	"emergency_id" uuid NOT NULL,
	"person_id" uuid NOT NULL,
	"ordinal" integer NOT NULL,
	"audience" text NOT NULL,
	"team_id" uuid,
	"grid_id" uuid NOT NULL,
	"unit_id" uuid,
	"post" text,
	"member_state" text NOT NULL,
	"stand_in_for" uuid,
	"call_state" text NOT NULL,
	"called_at" timestamp with time zone,
	"answer" text,
	"answer_via" text,
	"promised_at" timestamp with time zone,
	"cannot_reason" text,
	"answered_at" timestamp with time zone,
	"unreachable_reason" text,
	"presence" text NOT NULL,
	"checked_in_at" timestamp with time zone,
	"check_in_method" text,
	"check_in_flags" text[] DEFAULT '{}' NOT NULL,
	"checked_out_at" timestamp with time zone,
	"unsigned_reason" text,
	"holds" boolean NOT NULL,
	"joined_at" timestamp with time zone NOT NULL,
	CONSTRAINT "participants_pk" PRIMARY KEY("emergency_id","person_id"),
	CONSTRAINT "participants_ordinal_key" UNIQUE("emergency_id","ordinal"),
	CONSTRAINT "participants_audience_check" CHECK ("participants"."audience" in ('team', 'duty')),
	CONSTRAINT "participants_post_check" CHECK ("participants"."post" in ('captain', 'deputy', 'coordination', 'evacuation', 'guard', 'patrol', 'supplies', 'medical', 'publicity')),
	CONSTRAINT "participants_member_state_check" CHECK ("participants"."member_state" in ('active', 'substituted', 'released', 'preempted')),
	CONSTRAINT "participants_call_state_check" CHECK ("participants"."call_state" in ('pending', 'called', 'answered', 'unreachable')),
	CONSTRAINT "participants_answer_check" CHECK ("participants"."answer" in ('going', 'later', 'cannot', 'alreadyThere')),
	CONSTRAINT "participants_answer_via_check" CHECK ("participants"."answer_via" in ('app', 'link', 'sms', 'voice', 'wecom', 'relay', 'officer', 'checkIn')),
	CONSTRAINT "participants_presence_check" CHECK ("participants"."presence" in ('none', 'checkedIn', 'checkedOut')),
	CONSTRAINT "participants_check_in_method_check" CHECK ("participants"."check_in_method" in ('code', 'position', 'captain', 'gridChief', 'officer'))
);
--> statement-breakpoint
CREATE TABLE "plan_levels" (
	"plan_id" uuid NOT NULL,
	"level" smallint NOT NULL,
	"general_pct" smallint NOT NULL,
	"professional_pct" smallint NOT NULL,
	"rally_limit_min" integer,
	"expected_hours" integer NOT NULL,
	"basis" text NOT NULL,
	"approver" text NOT NULL,
	"measures" text NOT NULL,
	"tasks" text NOT NULL,
	"caution" text NOT NULL,
	"ladder" jsonb NOT NULL,
	"templates" jsonb NOT NULL,
	CONSTRAINT "plan_levels_pk" PRIMARY KEY("plan_id","level"),
	CONSTRAINT "plan_levels_level_check" CHECK ("plan_levels"."level" in (1, 2, 3, 4))
);
--> statement-breakpoint
CREATE TABLE "plans" (
	"id" uuid PRIMARY KEY NOT NULL,
	"code" text NOT NULL,
	"name" text NOT NULL,
	"event_class" text NOT NULL,
	"mobilises" boolean DEFAULT true NOT NULL,
	"sort" integer NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "plans_code_key" UNIQUE("code"),
	CONSTRAINT "plans_event_class_check" CHECK ("plans"."event_class" in ('naturalDisaster', 'accidentDisaster', 'publicHealth', 'socialSecurity'))
);
--> statement-breakpoint
CREATE TABLE "roster_entries" (
	"person_id" uuid PRIMARY KEY NOT NULL,
	"unit_id" uuid NOT NULL,
	"grid_id" uuid NOT NULL,
	"rank" integer NOT NULL,
	"post" text NOT NULL,
	"reasons" jsonb NOT NULL,
	CONSTRAINT "roster_entries_post_check" CHECK ("roster_entries"."post" in ('captain', 'deputy', 'coordination', 'evacuation', 'guard', 'patrol', 'supplies', 'medical', 'publicity'))
);
--> statement-breakpoint
CREATE TABLE "roster_quotas" (
	"unit_id" uuid NOT NULL,
	"grid_id" uuid NOT NULL,
	"is_lead" boolean NOT NULL,
	"members" integer NOT NULL,
	"candidates" integer NOT NULL,
	"formed_on" date NOT NULL,
	"shortfalls" jsonb NOT NULL,
	CONSTRAINT "roster_quotas_pk" PRIMARY KEY("unit_id","grid_id")
);
--> statement-breakpoint
CREATE TABLE "stale_rosters" (
	"grid_id" uuid NOT NULL,
	"marked_in" bigint DEFAULT pg_current_xact_id()::text::bigint NOT NULL,
	CONSTRAINT "stale_rosters_pk" PRIMARY KEY("grid_id","marked_in")
);
--> statement-breakpoint
CREATE TABLE "check_ins" (
	"check_in_id" uuid PRIMARY KEY NOT NULL,
	"emergency_id" uuid NOT NULL,
	"person_id" uuid NOT NULL,
	"direction" text NOT NULL,
	"method" text NOT NULL,
	"by_person_id" uuid,
	"latitude" double precision,
	"longitude" double precision,
	"coordinate_system" text,
	"accuracy_m" integer,
	"distance_m" integer,
	"flags" text[] DEFAULT '{}' NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "check_ins_direction_check" CHECK ("check_ins"."direction" in ('in', 'out')),
	CONSTRAINT "check_ins_method_check" CHECK ("check_ins"."method" in ('code', 'position', 'captain', 'gridChief', 'officer', 'self'))
);
--> statement-breakpoint
CREATE TABLE "roll_call_entries" (
	"roll_call_id" uuid NOT NULL,
	"person_id" uuid NOT NULL,
	"present" boolean NOT NULL,
	"marked_by" uuid NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "roll_call_entries_pk" PRIMARY KEY("roll_call_id","person_id")
);
--> statement-breakpoint
CREATE TABLE "roll_calls" (
	"id" uuid PRIMARY KEY NOT NULL,
	"emergency_id" uuid NOT NULL,
	"community_id" uuid NOT NULL,
	"team_id" uuid,
	"opened_by" uuid NOT NULL,
	"opened_at" timestamp with time zone NOT NULL,
	"closed_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "communities" (
	"id" uuid PRIMARY KEY NOT NULL,
	"township_id" uuid NOT NULL,
	"code" text NOT NULL,
	"name" text NOT NULL,
	"duty_phone" text,
	CONSTRAINT "communities_code_key" UNIQUE("code"),
	CONSTRAINT "communities_name_key" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "employments" (
	"person_id" uuid NOT NULL,
	"unit_id" uuid NOT NULL,
	"post" text DEFAULT '' NOT NULL,
	"tier" smallint,
	"valid_from" date NOT NULL,
	"valid_to" date,
	CONSTRAINT "employments_pk" PRIMARY KEY("person_id","unit_id","valid_from"),
	CONSTRAINT "employments_tier_check" CHECK ("employments"."tier" in (1, 2, 3))
);
--> statement-breakpoint
CREATE TABLE "exemptions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"person_id" uuid NOT NULL,
	"reason" text NOT NULL,
	"note" text DEFAULT '' NOT NULL,
	"valid_from" date NOT NULL,
	"valid_to" date,
	CONSTRAINT "exemptions_person_from_key" UNIQUE("person_id","reason","valid_from"),
	CONSTRAINT "exemptions_reason_check" CHECK ("exemptions"."reason" in ('ill', 'maternity', 'caring', 'away', 'essentialDuty', 'familyAffected', 'other'))
);
--> statement-breakpoint
CREATE TABLE "grid_posts" (
	"person_id" uuid NOT NULL,
	"grid_id" uuid NOT NULL,
	"post" text NOT NULL,
	"source" text,
	"recruited" boolean DEFAULT false NOT NULL,
	"valid_from" date NOT NULL,
	"valid_to" date,
	CONSTRAINT "grid_posts_pk" PRIMARY KEY("person_id","grid_id","post","valid_from"),
	CONSTRAINT "grid_posts_post_check" CHECK ("grid_posts"."post" in ('gridChief', 'gridOfficer', 'gridAssistant')),
	CONSTRAINT "grid_posts_source_check" CHECK ("grid_posts"."source" in ('partyBackbone', 'residentRepresentative', 'volunteer'))
);
--> statement-breakpoint
CREATE TABLE "grids" (
	"id" uuid PRIMARY KEY NOT NULL,
	"community_id" uuid NOT NULL,
	"code" text NOT NULL,
	"name" text NOT NULL,
	"place_type" text NOT NULL,
	CONSTRAINT "grids_code_key" UNIQUE("code"),
	CONSTRAINT "grids_community_name_key" UNIQUE("community_id","name"),
	CONSTRAINT "grids_place_type_check" CHECK ("grids"."place_type" in ('commercial', 'oldCompound', 'standaloneBlocks', 'backStreets', 'newCompound', 'resettlement', 'suburb'))
);
--> statement-breakpoint
CREATE TABLE "memberships" (
	"person_id" uuid NOT NULL,
	"party_org_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"valid_from" date NOT NULL,
	"valid_to" date,
	CONSTRAINT "memberships_pk" PRIMARY KEY("person_id","party_org_id","valid_from"),
	CONSTRAINT "memberships_kind_check" CHECK ("memberships"."kind" in ('inService', 'resident', 'commercial', 'floating', 'probationary'))
);
--> statement-breakpoint
CREATE TABLE "pairings" (
	"id" uuid PRIMARY KEY NOT NULL,
	"unit_id" uuid NOT NULL,
	"grid_id" uuid NOT NULL,
	"is_lead" boolean NOT NULL,
	"valid_from" date NOT NULL,
	"valid_to" date
);
--> statement-breakpoint
CREATE TABLE "party_orgs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"parent_id" uuid,
	"township_id" uuid,
	"community_id" uuid,
	"grid_id" uuid,
	"unit_id" uuid,
	"secretary_id" uuid,
	"valid_from" date NOT NULL,
	"dissolved_on" date,
	CONSTRAINT "party_orgs_name_key" UNIQUE("name"),
	CONSTRAINT "party_orgs_kind_check" CHECK ("party_orgs"."kind" in ('townshipCommittee', 'communityGeneralBranch', 'communityBranch', 'gridBranch', 'gridGroup', 'unitCommittee', 'unitGeneralBranch', 'unitBranch', 'temporaryBranch'))
);
--> statement-breakpoint
CREATE TABLE "person_skills" (
	"person_id" uuid NOT NULL,
	"skill" text NOT NULL,
	CONSTRAINT "person_skills_pk" PRIMARY KEY("person_id","skill"),
	CONSTRAINT "person_skills_skill_check" CHECK ("person_skills"."skill" in ('medical', 'plumbingElectric', 'driving', 'radio', 'foreignLanguage', 'counselling', 'legal', 'machinery', 'firstAid', 'logistics'))
);
--> statement-breakpoint
CREATE TABLE "persons" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"phone_cipher" "bytea" NOT NULL,
	"phone_hash" "bytea" NOT NULL,
	"birth_year" smallint,
	"political_status" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "persons_phone_key" UNIQUE("phone_hash"),
	CONSTRAINT "persons_political_status_check" CHECK ("persons"."political_status" in ('partyMember', 'probationaryMember', 'leagueMember', 'masses'))
);
--> statement-breakpoint
CREATE TABLE "rally_points" (
	"grid_id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"address" text NOT NULL,
	"latitude" double precision,
	"longitude" double precision,
	"fence_m" integer DEFAULT 300 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "residences" (
	"person_id" uuid PRIMARY KEY NOT NULL,
	"community_id" uuid NOT NULL
);
--> statement-breakpoint
CREATE TABLE "role_grants" (
	"id" uuid PRIMARY KEY NOT NULL,
	"person_id" uuid NOT NULL,
	"role" text NOT NULL,
	"scope_type" text NOT NULL,
	"scope_id" uuid,
	"valid_from" date NOT NULL,
	"valid_to" date,
	CONSTRAINT "role_grants_key" UNIQUE NULLS NOT DISTINCT("person_id","role","scope_type","scope_id","valid_from"),
	CONSTRAINT "role_grants_role_check" CHECK ("role_grants"."role" in ('countyAdmin', 'countyDuty', 'countyCommander', 'townshipSecretary', 'communitySecretary', 'communityCadre', 'gridChief', 'gridOfficer', 'gridAssistant', 'unitSecretary', 'unitLiaison', 'unitMember', 'auditor', 'systemAdmin', 'securityAdmin')),
	CONSTRAINT "role_grants_scope_type_check" CHECK ("role_grants"."scope_type" in ('county', 'township', 'community', 'grid', 'unit'))
);
--> statement-breakpoint
CREATE TABLE "townships" (
	"id" uuid PRIMARY KEY NOT NULL,
	"code" text NOT NULL,
	"name" text NOT NULL,
	CONSTRAINT "townships_code_key" UNIQUE("code"),
	CONSTRAINT "townships_name_key" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "units" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"category" text NOT NULL,
	"mobilisation_class" text NOT NULL,
	"valid_from" date NOT NULL,
	"valid_to" date,
	CONSTRAINT "units_name_key" UNIQUE("name"),
	CONSTRAINT "units_category_check" CHECK ("units"."category" in ('party', 'government', 'judicial', 'institution', 'medical', 'school', 'vertical', 'finance', 'utility')),
	CONSTRAINT "units_mobilisation_class_check" CHECK ("units"."mobilisation_class" in ('general', 'professional', 'restricted'))
);
--> statement-breakpoint
CREATE TABLE "lessons" (
	"id" uuid PRIMARY KEY NOT NULL,
	"emergency_id" uuid NOT NULL,
	"author_id" uuid NOT NULL,
	"text" text NOT NULL,
	"at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "vanguard_teams" (
	"id" uuid PRIMARY KEY NOT NULL,
	"emergency_id" uuid NOT NULL,
	"grid_id" uuid NOT NULL,
	"community_id" uuid NOT NULL,
	"name" text NOT NULL,
	"grid_name" text NOT NULL,
	"community_name" text NOT NULL,
	"rally_point" text NOT NULL,
	"lead_unit_id" uuid,
	"state" text NOT NULL,
	"required" integer NOT NULL,
	"captain_id" uuid,
	"captain_flagged" boolean DEFAULT false NOT NULL,
	"confirmed_by" uuid,
	"confirmed_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "vanguard_teams_grid_key" UNIQUE("emergency_id","grid_id"),
	CONSTRAINT "vanguard_teams_state_check" CHECK ("vanguard_teams"."state" in ('provisional', 'confirmed', 'dissolved'))
);
--> statement-breakpoint
CREATE TABLE "emergency_events" (
	"emergency_id" uuid NOT NULL,
	"seq" bigint NOT NULL,
	"type" text NOT NULL,
	"v" smallint NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"actor_id" uuid,
	"data" jsonb NOT NULL,
	CONSTRAINT "emergency_events_pk" PRIMARY KEY("emergency_id","seq")
);
--> statement-breakpoint
CREATE TABLE "event_streams" (
	"id" uuid PRIMARY KEY NOT NULL,
	"last_seq" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"actor_id" uuid NOT NULL,
	"key" text NOT NULL,
	"request_hash" "bytea" NOT NULL,
	"reply" jsonb,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_pk" PRIMARY KEY("actor_id","key")
);
--> statement-breakpoint
CREATE TABLE "cron_fires" (
	"name" text NOT NULL,
	"slot" text NOT NULL,
	"fired_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "cron_fires_pk" PRIMARY KEY("name","slot")
);
--> statement-breakpoint
CREATE TABLE "leases" (
	"name" text PRIMARY KEY NOT NULL,
	"holder" text NOT NULL,
	"generation" integer NOT NULL,
	"until" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "alerts" ADD CONSTRAINT "alerts_emergency_id_emergencies_id_fk" FOREIGN KEY ("emergency_id") REFERENCES "public"."emergencies"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_alert_id_alerts_id_fk" FOREIGN KEY ("alert_id") REFERENCES "public"."alerts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "emergencies" ADD CONSTRAINT "emergencies_initiator_id_persons_id_fk" FOREIGN KEY ("initiator_id") REFERENCES "public"."persons"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "emergency_grids" ADD CONSTRAINT "emergency_grids_emergency_id_emergencies_id_fk" FOREIGN KEY ("emergency_id") REFERENCES "public"."emergencies"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "emergency_grids" ADD CONSTRAINT "emergency_grids_grid_id_grids_id_fk" FOREIGN KEY ("grid_id") REFERENCES "public"."grids"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "switch_preparations" ADD CONSTRAINT "switch_preparations_emergency_id_emergencies_id_fk" FOREIGN KEY ("emergency_id") REFERENCES "public"."emergencies"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "participants" ADD CONSTRAINT "participants_emergency_id_emergencies_id_fk" FOREIGN KEY ("emergency_id") REFERENCES "public"."emergencies"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "participants" ADD CONSTRAINT "participants_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "participants" ADD CONSTRAINT "participants_grid_id_grids_id_fk" FOREIGN KEY ("grid_id") REFERENCES "public"."grids"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "participants" ADD CONSTRAINT "participants_unit_id_units_id_fk" FOREIGN KEY ("unit_id") REFERENCES "public"."units"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "plan_levels" ADD CONSTRAINT "plan_levels_plan_id_plans_id_fk" FOREIGN KEY ("plan_id") REFERENCES "public"."plans"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "roster_entries" ADD CONSTRAINT "roster_entries_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "roster_entries" ADD CONSTRAINT "roster_entries_unit_id_units_id_fk" FOREIGN KEY ("unit_id") REFERENCES "public"."units"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "roster_entries" ADD CONSTRAINT "roster_entries_grid_id_grids_id_fk" FOREIGN KEY ("grid_id") REFERENCES "public"."grids"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "roster_quotas" ADD CONSTRAINT "roster_quotas_unit_id_units_id_fk" FOREIGN KEY ("unit_id") REFERENCES "public"."units"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "roster_quotas" ADD CONSTRAINT "roster_quotas_grid_id_grids_id_fk" FOREIGN KEY ("grid_id") REFERENCES "public"."grids"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "stale_rosters" ADD CONSTRAINT "stale_rosters_grid_id_grids_id_fk" FOREIGN KEY ("grid_id") REFERENCES "public"."grids"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "check_ins" ADD CONSTRAINT "check_ins_emergency_id_emergencies_id_fk" FOREIGN KEY ("emergency_id") REFERENCES "public"."emergencies"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "roll_call_entries" ADD CONSTRAINT "roll_call_entries_roll_call_id_roll_calls_id_fk" FOREIGN KEY ("roll_call_id") REFERENCES "public"."roll_calls"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "roll_calls" ADD CONSTRAINT "roll_calls_emergency_id_emergencies_id_fk" FOREIGN KEY ("emergency_id") REFERENCES "public"."emergencies"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "communities" ADD CONSTRAINT "communities_township_id_townships_id_fk" FOREIGN KEY ("township_id") REFERENCES "public"."townships"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "employments" ADD CONSTRAINT "employments_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "employments" ADD CONSTRAINT "employments_unit_id_units_id_fk" FOREIGN KEY ("unit_id") REFERENCES "public"."units"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "exemptions" ADD CONSTRAINT "exemptions_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "grid_posts" ADD CONSTRAINT "grid_posts_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "grid_posts" ADD CONSTRAINT "grid_posts_grid_id_grids_id_fk" FOREIGN KEY ("grid_id") REFERENCES "public"."grids"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "grids" ADD CONSTRAINT "grids_community_id_communities_id_fk" FOREIGN KEY ("community_id") REFERENCES "public"."communities"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_party_org_id_party_orgs_id_fk" FOREIGN KEY ("party_org_id") REFERENCES "public"."party_orgs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pairings" ADD CONSTRAINT "pairings_unit_id_units_id_fk" FOREIGN KEY ("unit_id") REFERENCES "public"."units"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pairings" ADD CONSTRAINT "pairings_grid_id_grids_id_fk" FOREIGN KEY ("grid_id") REFERENCES "public"."grids"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "party_orgs" ADD CONSTRAINT "party_orgs_township_id_townships_id_fk" FOREIGN KEY ("township_id") REFERENCES "public"."townships"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "party_orgs" ADD CONSTRAINT "party_orgs_community_id_communities_id_fk" FOREIGN KEY ("community_id") REFERENCES "public"."communities"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "party_orgs" ADD CONSTRAINT "party_orgs_grid_id_grids_id_fk" FOREIGN KEY ("grid_id") REFERENCES "public"."grids"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "party_orgs" ADD CONSTRAINT "party_orgs_unit_id_units_id_fk" FOREIGN KEY ("unit_id") REFERENCES "public"."units"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "party_orgs" ADD CONSTRAINT "party_orgs_secretary_id_persons_id_fk" FOREIGN KEY ("secretary_id") REFERENCES "public"."persons"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "party_orgs" ADD CONSTRAINT "party_orgs_parent_fk" FOREIGN KEY ("parent_id") REFERENCES "public"."party_orgs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "person_skills" ADD CONSTRAINT "person_skills_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rally_points" ADD CONSTRAINT "rally_points_grid_id_grids_id_fk" FOREIGN KEY ("grid_id") REFERENCES "public"."grids"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "residences" ADD CONSTRAINT "residences_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "residences" ADD CONSTRAINT "residences_community_id_communities_id_fk" FOREIGN KEY ("community_id") REFERENCES "public"."communities"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "role_grants" ADD CONSTRAINT "role_grants_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "lessons" ADD CONSTRAINT "lessons_emergency_id_emergencies_id_fk" FOREIGN KEY ("emergency_id") REFERENCES "public"."emergencies"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vanguard_teams" ADD CONSTRAINT "vanguard_teams_emergency_id_emergencies_id_fk" FOREIGN KEY ("emergency_id") REFERENCES "public"."emergencies"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vanguard_teams" ADD CONSTRAINT "vanguard_teams_grid_id_grids_id_fk" FOREIGN KEY ("grid_id") REFERENCES "public"."grids"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vanguard_teams" ADD CONSTRAINT "vanguard_teams_lead_unit_id_units_id_fk" FOREIGN KEY ("lead_unit_id") REFERENCES "public"."units"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vanguard_teams" ADD CONSTRAINT "vanguard_teams_captain_id_persons_id_fk" FOREIGN KEY ("captain_id") REFERENCES "public"."persons"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "emergency_events" ADD CONSTRAINT "emergency_events_emergency_id_event_streams_id_fk" FOREIGN KEY ("emergency_id") REFERENCES "public"."event_streams"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "sandbox_messages_person_idx" ON "sandbox_messages" USING btree ("person_id","id");--> statement-breakpoint
CREATE INDEX "audit_log_subject_idx" ON "audit_log" USING btree ("subject_type","subject_id");--> statement-breakpoint
CREATE INDEX "audit_log_actor_idx" ON "audit_log" USING btree ("actor_id","at");--> statement-breakpoint
CREATE INDEX "alerts_emergency_idx" ON "alerts" USING btree ("emergency_id","issued_at");--> statement-breakpoint
CREATE INDEX "call_answers_person_idx" ON "call_answers" USING btree ("emergency_id","person_id","at");--> statement-breakpoint
CREATE INDEX "deliveries_queue_idx" ON "deliveries" USING btree ("channel","alert_id") WHERE state in ('pending', 'sending', 'failedTemp');--> statement-breakpoint
CREATE INDEX "emergencies_state_idx" ON "emergencies" USING btree ("state");--> statement-breakpoint
CREATE INDEX "emergency_grids_grid_idx" ON "emergency_grids" USING btree ("grid_id");--> statement-breakpoint
CREATE INDEX "sessions_person_idx" ON "sessions" USING btree ("person_id");--> statement-breakpoint
CREATE INDEX "switch_preparations_operator_idx" ON "switch_preparations" USING btree ("operator_id","expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "participants_holds_key" ON "participants" USING btree ("person_id") WHERE holds;--> statement-breakpoint
CREATE INDEX "participants_team_idx" ON "participants" USING btree ("team_id");--> statement-breakpoint
CREATE INDEX "participants_unit_idx" ON "participants" USING btree ("emergency_id","unit_id");--> statement-breakpoint
CREATE INDEX "roster_entries_order_idx" ON "roster_entries" USING btree ("grid_id","unit_id","rank");--> statement-breakpoint
CREATE INDEX "roster_quotas_grid_idx" ON "roster_quotas" USING btree ("grid_id");--> statement-breakpoint
CREATE INDEX "check_ins_person_idx" ON "check_ins" USING btree ("emergency_id","person_id","at");--> statement-breakpoint
CREATE INDEX "roll_calls_emergency_idx" ON "roll_calls" USING btree ("emergency_id","community_id");--> statement-breakpoint
CREATE INDEX "communities_township_idx" ON "communities" USING btree ("township_id");--> statement-breakpoint
CREATE UNIQUE INDEX "employments_current_key" ON "employments" USING btree ("person_id") WHERE valid_to is null;--> statement-breakpoint
CREATE INDEX "employments_unit_idx" ON "employments" USING btree ("unit_id");--> statement-breakpoint
CREATE UNIQUE INDEX "grid_posts_chief_key" ON "grid_posts" USING btree ("grid_id") WHERE post = 'gridChief' and valid_to is null;--> statement-breakpoint
CREATE INDEX "grid_posts_grid_idx" ON "grid_posts" USING btree ("grid_id");--> statement-breakpoint
CREATE UNIQUE INDEX "memberships_current_key" ON "memberships" USING btree ("person_id") WHERE valid_to is null;--> statement-breakpoint
CREATE INDEX "memberships_org_idx" ON "memberships" USING btree ("party_org_id");--> statement-breakpoint
CREATE UNIQUE INDEX "pairings_current_key" ON "pairings" USING btree ("unit_id","grid_id") WHERE valid_to is null;--> statement-breakpoint
CREATE UNIQUE INDEX "pairings_lead_key" ON "pairings" USING btree ("grid_id") WHERE is_lead and valid_to is null;--> statement-breakpoint
CREATE INDEX "pairings_grid_idx" ON "pairings" USING btree ("grid_id");--> statement-breakpoint
CREATE UNIQUE INDEX "party_orgs_grid_key" ON "party_orgs" USING btree ("grid_id") WHERE dissolved_on is null and grid_id is not null;--> statement-breakpoint
CREATE INDEX "role_grants_scope_idx" ON "role_grants" USING btree ("scope_type","scope_id");--> statement-breakpoint
CREATE INDEX "lessons_emergency_idx" ON "lessons" USING btree ("emergency_id");--> statement-breakpoint
CREATE INDEX "vanguard_teams_community_idx" ON "vanguard_teams" USING btree ("emergency_id","community_id");