import { expect, test } from "vitest";
import { Observations } from "../../../cli/audit/observation.ts";
import { watch } from "../../../cli/audit/watch.ts";
import { ConnectionError, type Server } from "../../../provider/postgres/connection.ts";

const look = {
  slots: { max: 100, superuserReserved: 3, reserved: 0, used: 1 },
  roles: [],
  superuserSessions: [],
  at: new Date(),
};

/** A server that answers the looks in turn; the last answer repeats. */
function serverThat(...answers: (Error | typeof look)[]): Server {
  const anySession = async () => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { anySession, address: { host: "db", port: 5432 } } as unknown as Server;
}
const full = () => new ConnectionError("the server is full", "53300", "Stop a service");

test("a server that does not answer the first look cannot be audited", async () => {
  const watching = watch(serverThat(full()), new Observations(), { time: 10_000, signal: AbortSignal.timeout(10_000) });
  await expect(watching).rejects.toThrow(/reading the sessions: the server is full\. Stop a service/);
});

test("later looks that fail are counted, and the watch goes on until it is interrupted", async () => {
  const observations = new Observations();
  const interrupt = new AbortController();
  const missed: string[] = [];
  await watch(serverThat(look, full(), look), observations, {
    time: Number.POSITIVE_INFINITY,
    signal: interrupt.signal,
    seen: ({ all }) => {
      if (all.length === 2) interrupt.abort();
    },
    missed: ({ message }) => missed.push(message),
  });
  expect({ looks: observations.all.length, missed: observations.missed, messages: missed }).toEqual({
    looks: 2,
    missed: 1,
    messages: ["the server is full. Stop a service"],
  });
  expect(observations.basis).toMatch(/^2 looks in \d+s, 1 failed$/);
});

test("an error of another kind ends the watch", async () => {
  const watching = watch(serverThat(look, new Error("syntax error")), new Observations(), {
    time: Number.POSITIVE_INFINITY,
    signal: new AbortController().signal,
  });
  await expect(watching).rejects.toThrow("syntax error");
});
