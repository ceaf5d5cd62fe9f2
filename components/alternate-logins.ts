import { Role, type RoleArgs } from "@pulumi/postgresql/role.js";
import * as pulumi from "@pulumi/pulumi";
import { alternateLogins } from "../model/login-roles.ts";
import { scramVerifier } from "../model/scram.ts";
import type { ConnectAs } from "../model/stack.ts";
import type { DatabaseServer } from "./database-server.ts";
import { createPassword } from "./password.ts";
import type * as pgaccess from "./pgaccess.ts";

/** The AppRole of the login roles. */
interface LoginParent extends pulumi.Resource {
  readonly roleName: string;
  readonly server: DatabaseServer;
}

/** The part of a Service that its role reads. */
export interface ServedService extends pulumi.Resource {
  readonly serviceName: string;
  readonly connectAs: ConnectAs;
  readonly gate: pulumi.Resource | undefined;
}

/** Common options of both login roles. */
export interface LoginOptions {
  /** Attributes of the official Role. */
  attributes: Omit<RoleArgs, "name" | "login" | "password">;
  /** Resources that must exist before either is created, including the role that both SET ROLE to. */
  dependsOn: pulumi.Resource[];
  /** Creates the settings of a login role. */
  createSettings(login: string, role: Role): pgaccess.RoleSettings;
  /** Hooks before a login role is created or changed. */
  hooks(login: string): pulumi.ResourceHookBinding;
}

/**
 * The two login roles of a role with `rotation: alternate`. Services get the one in force. The other cannot log in once every
 * service has passed its gate on the one in force; an external service has no gate, so with one of those the other can log in
 * until the next rotation.
 */
export class AlternateLogins {
  /** Name of the login role in force. */
  readonly login: pulumi.Output<string>;
  /** Its password; a secret. */
  readonly password: pulumi.Output<string>;
  /** Resources that must exist before a service uses it. */
  readonly ready: pulumi.Output<pulumi.Resource[]>;
  readonly #services = Promise.withResolvers<ServedService[]>();
  readonly #turn: pgaccess.LoginTurn;
  readonly #role: string;

  constructor(parent: LoginParent, turn: pgaccess.LoginTurn, options: LoginOptions) {
    this.#turn = turn;
    this.#role = parent.roleName;
    this.login = turn.inForce;
    const logins = alternateLogins(parent.roleName);
    const created = new Map(logins.map((login) => [login, this.#create(parent, login, options)]));
    const inForce = this.login.apply((login) => created.get(login));
    this.password = pulumi.secret(inForce.apply((one) => one?.password ?? ""));
    this.ready = inForce.apply((one) => one?.resources ?? []);
    process.once("beforeExit", this.#refuse);
  }

  /** Declares all services of the role, however they connect. */
  servedTo(services: ServedService[]): void {
    process.off("beforeExit", this.#refuse);
    this.#services.resolve(services);
  }

  #create(parent: LoginParent, login: string, { attributes, dependsOn, ...options }: LoginOptions) {
    const password = createPassword(parent, login);
    const role = new Role(
      login,
      {
        ...attributes,
        name: login,
        login: this.#canLogIn(login),
        password: password.apply(scramVerifier),
        roles: [parent.roleName],
        assumeRole: parent.roleName,
      },
      {
        parent,
        provider: parent.server.postgresql,
        dependsOn: this.#dependencies(login, dependsOn),
        deleteBeforeReplace: true,
        hooks: options.hooks(login),
      },
    );
    return { password, resources: [role, options.createSettings(login, role)] };
  }

  #canLogIn(login: string): pulumi.Output<boolean> {
    return pulumi.all([this.#turn.inForce, this.#turn.former]).apply(async ([inForce, previous]) => {
      if (login === inForce) return true;
      const isExternal = (service: ServedService) => service.connectAs === "role" && service.gate === undefined;
      return login === previous && (await this.#services.promise).some(isExternal);
    });
  }

  /** The one in force is created before the services, the other is changed after them. */
  #dependencies(login: string, resources: pulumi.Resource[]): pulumi.Output<pulumi.Resource[]> {
    return this.#turn.inForce.apply(async (inForce) => {
      if (login === inForce) return resources;
      const gates = (await this.#services.promise).map(({ gate }) => gate).filter((gate) => gate !== undefined);
      return [...resources, ...gates];
    });
  }

  /** Without this, the program would end with a message about promises. */
  readonly #refuse = (): void => {
    const error = new pulumi.RunError(
      `AppRole ${this.#role}: rotation: alternate needs the role's services; call servedTo with all of them after creating them`,
    );
    error.stack = error.message; // Pulumi prints the stack at this point, which has no line of the program
    this.#services.reject(error);
  };
}
