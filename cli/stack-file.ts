import { readFile, rename, writeFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import type { ConnectAs } from "../model/stack.ts";

/**
 * Sets a service's switch in Pulumi.<stack>.yaml, as a person's edit would: comments and order stay. Throws when the file
 * is not there or declares no such service.
 */
export async function setConnectAs(stack: string, service: string, connectAs: ConnectAs): Promise<void> {
  const file = `Pulumi.${stack}.yaml`;
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`cannot read ${file}: ${error.code}; run this in the folder of Pulumi.yaml`);
  });
  const document = parseDocument(text);
  const path = ["config", "app-roles:services", service];
  if (!document.hasIn(path)) throw new Error(`${file} declares no service ${service} under app-roles:services`);
  if (document.getIn([...path, "connectAs"]) === connectAs) return;
  document.setIn([...path, "connectAs"], connectAs);
  // Never half a file, whatever ends this.
  await writeFile(`${file}.new`, document.toString({ lineWidth: 0 }));
  await rename(`${file}.new`, file);
}
