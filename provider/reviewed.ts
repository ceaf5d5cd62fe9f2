import { readFileSync } from "node:fs";
import { z } from "zod";
import { switches } from "../model/switches.ts";
import { listOf } from "./postgres/explain.ts";

/** The changes that a review lists: each resource's plan, by the digest that equal plans share. */
export const reviewedPlans = z.object({
  resources: z.record(z.string(), z.object({ plan: z.string().optional() })),
  plans: z.record(z.string(), z.record(z.string(), z.string())),
});
export type ReviewedPlans = z.infer<typeof reviewedPlans>;

export function isReviewedUp(): boolean {
  return process.env[switches.reviewed] !== undefined;
}

/** The end of a change whose new value the up computes, such as the URL of a role that it creates: `user postgres -> not known yet`. */
export const notKnownYet = "not known yet";

/** By file. */
const reviews = new Map<string, ReviewedPlans>();

/**
 * The reason why an up must not apply these changes; undefined in any up but that of `app-roles up --reviewed`. A reviewed change
 * that is no longer needed is no reason: the object already is as reviewed, or is gone.
 */
export function unreviewed(urn: string, changes: Record<string, string>): string | undefined {
  const file = process.env[switches.reviewed];
  if (file === undefined) return undefined;
  const { resources, plans } = readReview(file);
  const planned = plans[resources[urn]?.plan ?? ""] ?? {};
  const others = Object.entries(changes).filter(([object, change]) => !isReviewed(planned[object], change));
  if (others.length === 0) return undefined;
  const names = listOf(others.map(([object, change]) => `${object} (${change})`));
  return `not in the review: ${names}. The server has changed since; run app-roles review again, then app-roles up --reviewed`;
}

function readReview(file: string): ReviewedPlans {
  const review = reviews.get(file) ?? reviewedPlans.parse(JSON.parse(readFileSync(file, "utf8")));
  reviews.set(file, review);
  return review;
}

/** Only the part of a change that the review could not know may be any; what it changes from was known. */
function isReviewed(planned: string | undefined, change: string): boolean {
  if (planned === undefined || !planned.endsWith(` -> ${notKnownYet}`)) return planned === change;
  const from = planned.slice(0, -` -> ${notKnownYet}`.length);
  return change.startsWith(`${from} -> `) || change.startsWith(`${from}, `);
}

/** Throws before a change that the review does not list. */
export function refuseUnreviewed(urn: string, changes: Record<string, string>): void {
  const reason = unreviewed(urn, changes);
  if (reason !== undefined) throw new Error(`${reason}. Nothing more was changed here`);
}
