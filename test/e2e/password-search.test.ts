import { expect, test } from "vitest";
import { placesOfPasswords } from "./password-search.ts";

const password = "00112233445566778899aabbccddeeff0123456789abcdef";
const bytes = Buffer.from(password, "hex");

test.each([
  ["as it is", `postgresql://app:${password}@db:5432/shop`],
  ["as an id", `+ random:index/randomBytes:RandomBytes: (create) [id=${bytes.toString("base64")}]`],
  ["as an id in a path", `"/a/${bytes.toString("base64")}/b"`],
  ["in the letters of URLs", bytes.toString("base64url")],
  ["as text in base64", Buffer.from(password).toString("base64")],
  ["inside a longer text in base64", `v1:${Buffer.from(`{"app": "${password}"}`).toString("base64")}`],
])("a password is found %s", (_, text) => {
  const places = [
    { path: "clean", text: `v1:${Buffer.alloc(99, 7).toString("base64")}` },
    { path: "leaky", text },
  ];
  expect(placesOfPasswords([password], places)).toEqual(["leaky"]);
});
