import { expect, test } from "vitest";
import { didYouMean } from "../../model/did-you-mean.ts";

test.each([
  ["connectionlimit", "connectionLimit"],
  ["conectionLimit", "connectionLimit"],
  ["polo", "pool"],
  ["roel", "role"],
  ["role", "role"],
  ["gate", undefined],
  ["x", undefined],
])("%s is taken for %s", (written, meant) => {
  expect(didYouMean(written, ["connectionLimit", "pool", "role", "database"])).toBe(meant);
});
