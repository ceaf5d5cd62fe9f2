/**
 * The environment variables by which one command of app-roles tells the program and the plugin, which Pulumi starts, what
 * this one up is for. Nothing else is read from the environment to decide what an up does. None of them changes what is
 * declared, and a plain `pulumi up` has none of them set.
 */
export const switches = {
  /**
   * The role whose password or login role this up changes: set by `app-roles rotate`. Its services do not wait for each
   * other's gates in this up, since the previous password fails until each is redeployed.
   */
  rotate: "APP_ROLES_ROTATE",
  /** Whose rollback script is to be left in which private folder, as JSON: set by `app-roles cutover`. */
  handover: "APP_ROLES_HANDOVER",
  /** The service that was just restarted with its legacy URL: set by `app-roles rollback`. */
  rolledBack: "APP_ROLES_ROLLED_BACK",
  /**
   * Set by `app-roles rotate-superuser` for the up at its end, which has seen the admin's new password work. `renew`: a URL
   * found of a service on `legacy` gets it too where it logs in with the previous one, so that the service is restarted with
   * it. `keep`: no URL gets it, as --keep-legacy-urls asks.
   */
  legacyUrls: "APP_ROLES_LEGACY_URLS",
} as const;
