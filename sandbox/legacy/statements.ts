import { readFileSync } from "node:fs";

/** The statements of a file under sql/. There a blank line parts them, and none stands inside one. */
export function statements(file: string): string[] {
  const text = readFileSync(new URL(`sql/${file}`, import.meta.url), "utf8").trim();
  return text.split(/\n{2,}/).filter((part) => part.split("\n").some((line) => !line.startsWith("--")));
}
