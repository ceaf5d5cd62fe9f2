import { CsvFormat, csvStart } from "./csv.ts";
import type { LogFormat, Times } from "./entry.ts";
import { JsonFormat } from "./json.ts";
import { StderrFormat } from "./stderr.ts";

/** The format of a file that has these lines. @param prefix log_line_prefix */
export function formatOf(lines: string[], times: Times, prefix = "%m [%p] "): LogFormat {
  // A file can begin in the middle of a message.
  const some = lines.slice(0, 1000);
  if (some.some((line) => line.startsWith('{"timestamp"'))) return new JsonFormat(times);
  if (some.some((line) => csvStart.test(line))) return new CsvFormat(times);
  return new StderrFormat(prefix, times);
}
