CREATE TABLE "audit_seals" (
	"position" bigint PRIMARY KEY NOT NULL,
	"entry_id" bigint NOT NULL,
	"hash" "bytea" NOT NULL,
	"sealed_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "audit_seals_entry_key" UNIQUE("entry_id")
);
--> statement-breakpoint
-- As the trail itself: append-only, by privilege for the service, by trigger for everyone.
revoke update, delete, truncate on audit_seals from pingji_app;
--> statement-breakpoint
create trigger audit_seals_append_only before update or delete or truncate on audit_seals for each statement execute function refuse_rewrite();
