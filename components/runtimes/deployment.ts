import type * as pulumi from "@pulumi/pulumi";
import type { ConnectAs } from "../../model/stack.ts";

/** What a runtime is told of the service that it runs. */
export interface Deploy {
  service: string;
  /** The role it connects as once it is cut over. */
  role: string;
  connectAs: ConnectAs;
  /** The environment variable that holds the URL. */
  urlKey: string;
  /** The URL in force, a secret; known only after a login with it has been tried. */
  url: pulumi.Output<string>;
  /** The URL it had before, a secret: what it goes back to at the end; undefined: it never goes back. */
  legacyUrl: pulumi.Output<string> | undefined;
  /** The folder of the scripts that put services back without the stack; undefined: there are none. */
  rollbackKit?: string | undefined;
  /** Secret environment variables beside the URL. */
  env: Record<string, pulumi.Input<string>>;
  /** The component that the runtime's resources belong to. */
  parent: pulumi.Resource;
  /** Our plugin. */
  provider: pulumi.ProviderResource;
}

/** A service that was started with its URL, as the gate finds it. */
export interface Deployment {
  /** Another value after each redeploy. */
  id: pulumi.Output<string>;
  /** Labels that all of its containers have; undefined: no container is known, only sessions can be watched. */
  labels: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
  /**
   * When it was redeployed last, in milliseconds since 1970; null: never by the stack. Where no container is known it tells
   * the service's sessions from older ones.
   */
  deployedAt?: pulumi.Output<number | null> | undefined;
  resources: pulumi.Resource[];
}
