/** How an environment variable is written, by format. */
export const formats = {
  dotenv: (key: string, value: string) => `${key}=${quoted(value)}\n`,
  json: (key: string, value: string) => `${JSON.stringify({ [key]: value })}\n`,
  /** An override file: `docker compose -f docker-compose.yml -f FILE up`. JSON's strings are YAML's, and compose takes `$` for a variable. */
  compose: (key: string, value: string, service: string) =>
    `services:\n  ${JSON.stringify(service)}:\n    environment:\n      ${key}: ${JSON.stringify(value).replaceAll("$", "$$$$")}\n`,
  /** The value alone: a line end would be part of the secret. */
  "docker-secret": (_key: string, value: string) => value,
};
export type Format = keyof typeof formats;

/** Inside quotes of the kind that does not occur in it, a value is taken as it is. */
function quoted(value: string): string {
  const quote = ["'", "`", '"'].find((one) => !value.includes(one));
  if (quote === undefined || /[\r\n]/.test(value) || (quote === '"' && value.includes("\\"))) {
    throw new Error(
      "the value has line ends or every kind of quote, which a dotenv file cannot hold; use another format",
    );
  }
  return `${quote}${value}${quote}`;
}
