import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { alternateLogins } from "../model/login-roles.ts";
import { scramVerifier } from "../model/scram.ts";
import type { ConnectAs } from "../model/stack.ts";
import type { DatabaseServer } from "./database-server.ts";
import { createPassword } from "./password.ts";
import type * as pgaccess from "./pgaccess.ts";

/** The AppRole whose login roles they are. */
interface LoginParent extends pulumi.Resource {
  readonly roleName: string;
  readonly server: DatabaseServer;
}

/** A Service, as far as its role must know it. */
export interface ServedService extends pulumi.Resource {
  readonly serviceName: string;
  readonly connectAs: ConnectAs;
  readonly gate: pulumi.Resource | undefined;
}

/** What the two have in common. */
export interface LoginOptions {
  /** Attributes of the official Role. */
  attributes: Omit<postgresql.RoleArgs, "name" | "login" | "password">;
  /** What must be there before either is made; the role that both SET ROLE to among it. */
  dependsOn: pulumi.Resource[];
  /** Those of the login role, once it is there. */
  createSettings(login: string, role: postgresql.Role): pgaccess.RoleSettings;
  /** Run before it is created or changed. */
  hooks(login: string): pulumi.ResourceHookBinding;
}

/**
 * The two login roles of a role with `rotation: alternate`. One is in force: services are given it. The other may not log in,
 * from when every service has passed its gate on the one in force; a service that is started by somebody else passes none, so
 * with one of those the other may log in until the next rotation.
 */
export class AlternateLogins {
  /** Name of the one in force. */
  readonly login: pulumi.Output<string>;
  /** Its password; a secret. */
  readonly password: pulumi.Output<string>;
  /** What must be in place before a service may use it. */
  readonly ready: pulumi.Output<pulumi.Resource[]>;
  readonly #services = Promise.withResolvers<ServedService[]>();
  readonly #turn: pgaccess.LoginTurn;
  readonly #role: string;

  constructor(parent: LoginParent, turn: pgaccess.LoginTurn, options: LoginOptions) {
    this.#turn = turn;
    this.#role = parent.roleName;
    this.login = turn.inForce;
    const logins = alternateLogins(parent.roleName);
    const made = new Map(logins.map((login) => [login, this.#create(parent, login, options)]));
    const inForce = this.login.apply((login) => made.get(login));
    this.password = pulumi.secret(inForce.apply((one) => one?.password ?? ""));
    this.ready = inForce.apply((one) => one?.resources ?? []);
    process.once("beforeExit", this.#refuse);
  }

  /** Says which services the role is given to: all of them, however they connect. */
  servedTo(services: ServedService[]): void {
    process.off("beforeExit", this.#refuse);
    this.#services.resolve(services);
  }

  #create(parent: LoginParent, login: string, { attributes, dependsOn, ...options }: LoginOptions) {
    const password = createPassword(parent, login);
    const role = new postgresql.Role(
      login,
      {
        ...attributes,
        name: login,
        login: this.#mayLogIn(login),
        password: password.apply(scramVerifier),
        roles: [parent.roleName],
        assumeRole: parent.roleName,
      },
      {
        parent,
        provider: parent.server.postgresql,
        dependsOn: this.#before(login, dependsOn),
        deleteBeforeReplace: true,
        hooks: options.hooks(login),
      },
    );
    return { password, resources: [role, options.createSettings(login, role)] };
  }

  #mayLogIn(login: string): pulumi.Output<boolean> {
    return pulumi.all([this.#turn.inForce, this.#turn.former]).apply(async ([inForce, former]) => {
      if (login === inForce) return true;
      const isExternal = (service: ServedService) => service.connectAs === "role" && service.gate === undefined;
      return login === former && (await this.#services.promise).some(isExternal);
    });
  }

  /** The one in force is there before the services, the other is changed after them. */
  #before(login: string, resources: pulumi.Resource[]): pulumi.Output<pulumi.Resource[]> {
    return this.#turn.inForce.apply(async (inForce) => {
      if (login === inForce) return resources;
      const gates = (await this.#services.promise).map(({ gate }) => gate).filter((gate) => gate !== undefined);
      return [...resources, ...gates];
    });
  }

  /** The program has nothing left to do: without this it would just end, with a word about promises. */
  readonly #refuse = (): void => {
    const error = new pulumi.RunError(
      `AppRole ${this.#role}: it has rotation: alternate, and the program never says whom it serves; call servedTo with its services, once they are made`,
    );
    error.stack = error.message; // by now Pulumi prints the stack, which would show none of the program's lines
    this.#services.reject(error);
  };
}
