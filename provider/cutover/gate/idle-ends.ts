import type { RoleSession } from "../../sessions/role-sessions.ts";

/** Milliseconds by which a look may miss the end of a session: two looks. */
const slack = 2500;

/** Counts the sessions that idle_session_timeout ended: idle for about that long when they were seen last, and gone now. */
export class IdleEnds {
  readonly #timeout: number;
  #last: RoleSession[] = [];
  #count = 0;

  /** @param timeout the role's idle_session_timeout in milliseconds; 0: none */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  get count(): number {
    return this.#count;
  }

  see(sessions: RoleSession[]): void {
    const there = new Set(sessions.map(({ id }) => id));
    this.#count += this.#last.filter((session) => !there.has(session.id) && this.#isDue(session)).length;
    this.#last = sessions;
  }

  #isDue({ idle }: RoleSession): boolean {
    return this.#timeout > 0 && idle !== undefined && idle * 1000 >= this.#timeout - slack;
  }
}
