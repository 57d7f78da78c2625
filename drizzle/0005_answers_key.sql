-- An answer's id is compared with the same person's own answers alone: one index in the order of the people does for
-- both, and a burst of answers no longer lands on as many random pages.
DROP INDEX "call_answers_person_idx";--> statement-breakpoint
ALTER TABLE "call_answers" DROP CONSTRAINT "call_answers_pkey";--> statement-breakpoint
ALTER TABLE "call_answers" ADD CONSTRAINT "call_answers_pk" PRIMARY KEY("emergency_id","person_id","answer_id");
