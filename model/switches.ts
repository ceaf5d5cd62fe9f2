/**
 * The environment variables by which a command of app-roles tells the program and the plugin what one up is for. No other
 * variable decides what an up does. None of them changes the declaration, and a plain `pulumi up` sets none.
 */
export const switches = {
  /**
   * The role whose password or login role this up changes; set by `app-roles rotate`. Its services do not wait for each other's
   * gates in this up, because the previous password fails until each is redeployed.
   */
  rotate: "APP_ROLES_ROTATE",
  /** The service whose rollback script to save, and the private folder for it, as JSON; set by `app-roles cutover`. */
  handover: "APP_ROLES_HANDOVER",
  /** The service that was just restarted with its legacy URL; set by `app-roles rollback`. */
  rolledBack: "APP_ROLES_ROLLED_BACK",
  /**
   * Set by `app-roles rotate-superuser` for its up, once the admin's new password works. `renew`: a found URL of a service on
   * `legacy` that logs in with the previous password gets the new one, and the service is restarted. `keep`: no URL gets it
   * (--keep-legacy-urls).
   */
  legacyUrls: "APP_ROLES_LEGACY_URLS",
  /** A private file with the reviewed plans; set by `app-roles up --reviewed`. The plugin refuses every change that they do not list. */
  reviewed: "APP_ROLES_REVIEWED",
  /** The file for the CPU times at which the program and the plugin have started; set by `app-roles timing`. */
  timing: "APP_ROLES_TIMING",
} as const;
