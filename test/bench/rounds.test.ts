import { expect, test } from "vitest";
import { inTurn, ratiosOf } from "../../bench/rounds.ts";

test("cases are measured in turn until it is enough; a ratio compares costs of one round", async () => {
  const order: string[] = [];
  const measure = (name: string, costs: number[]) => async () => {
    order.push(name);
    return costs.shift() as number;
  };
  const costs = await inTurn(
    { reference: measure("reference", [1, 2, 9]), subject: measure("subject", [3, 8, 9]) },
    ({ subject }) => subject.length === 2,
  );
  expect(order).toEqual(["reference", "subject", "reference", "subject"]);
  expect(ratiosOf(costs, { subject: "subject", reference: "reference" })).toEqual([3, 4]);
});
