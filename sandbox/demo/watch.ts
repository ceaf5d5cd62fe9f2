import type { ServiceEvent } from "../legacy/services/events.ts";
import type { Service } from "../legacy/services/service.ts";

/** The requests of one service while something else was done. */
export interface Watched {
  name: string;
  /** Number of served requests. */
  served: number;
  /** Milliseconds of the slowest served request. */
  slowest: number;
  /** Failed requests, refused logins and lost sessions. */
  troubles: ServiceEvent[];
}

/** Runs `work` and reports the requests of each service meanwhile. */
export async function watching<T>(
  services: Iterable<Service>,
  work: () => Promise<T>,
): Promise<{ result: T; watched: Watched[] }> {
  const from = [...services].map((service) => ({ service, start: service.log.length }));
  const result = await work();
  const watched = from.map(({ service, start }) => {
    const events = service.log.slice(start);
    const times = events.flatMap((event) => (event.event === "request served" ? [event.milliseconds] : []));
    return {
      name: service.name,
      served: times.length,
      slowest: Math.max(0, ...times),
      troubles: events.filter((event) => "message" in event),
    };
  });
  return { result, watched };
}
