import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import type { Deployed } from "./services.ts";
import type { Vault } from "./vault.ts";

/** As the command line gives them. */
export interface Options {
  /** Milliseconds; 0: one look. */
  watch: number;
  /** Names of findings. */
  accept: string[];
  /** Whether the change itself needs no word more. */
  yes: boolean;
}

export interface Rotation extends Options {
  stack: ConfiguredStack;
  deployed: Deployed;
  vault: Vault;
}
