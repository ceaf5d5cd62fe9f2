import { run } from "../process.ts";

/** The operating system's user a server runs as. */
export interface Account {
  uid: number;
  gid: number;
}

/**
 * The account for a server when this process is root, which PostgreSQL refuses to run as: `postgres` where a PostgreSQL
 * package made it, else `nobody`, so that nothing is added to the machine. Undefined, that is the user itself, otherwise.
 */
export async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
    if (uid.code === 0 && gid.code === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new Error(
    "PostgreSQL does not run as root, and there is neither a user postgres nor nobody: run this as a user",
  );
}
