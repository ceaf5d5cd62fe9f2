import type { OwnershipGoal } from "../ownership/moves.ts";
import type { OwnedObject } from "../ownership/objects.ts";
import type { AfterUpFacts } from "./after-up.ts";

/** What the warnings of a move are judged by. */
export interface OwnershipFacts extends OwnershipGoal, AfterUpFacts {
  database: string;
  /** All objects of the goal's schemas, as they are now. */
  objects: OwnedObject[];
  /** Users that services still log in as. */
  legacyUsers: string[];
}
