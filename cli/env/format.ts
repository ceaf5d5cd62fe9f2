/** Writes an environment variable, by format. */
export const formats = {
  dotenv: (key: string, value: string) => `${key}=${quoted(value)}\n`,
  json: (key: string, value: string) => `${JSON.stringify({ [key]: value })}\n`,
  /** An override file: `docker compose -f docker-compose.yml -f FILE up`. A JSON string is valid YAML; `$` is doubled because compose expands it. */
  compose: (key: string, value: string, service: string) =>
    `services:\n  ${JSON.stringify(service)}:\n    environment:\n      ${key}: ${JSON.stringify(value).replaceAll("$", "$$$$")}\n`,
  /** Only the value: a newline would be part of the secret. */
  "docker-secret": (_key: string, value: string) => value,
};
export type Format = keyof typeof formats;

/** In quotes that the value does not contain, dotenv reads it literally. */
function quoted(value: string): string {
  const quote = ["'", "`", '"'].find((one) => !value.includes(one));
  if (quote === undefined || /[\r\n]/.test(value) || (quote === '"' && value.includes("\\"))) {
    throw new Error(
      "the value contains newlines or all kinds of quotes, which a dotenv file cannot hold; use another format",
    );
  }
  return `${quote}${value}${quote}`;
}
