/**
 * The advisory lock every change of this stack takes, so that two runs never interleave: the bytes of "pgaccess" as one
 * 64-bit number. A session that holds it or waits for it shows in pg_locks (locktype advisory, classid 1885823331, objid
 * 1667593075). Postgres keeps advisory locks by database: runs on different databases do not wait for each other.
 */
export const runLock = BigInt(`0x${Buffer.from("pgaccess").toString("hex")}`);
