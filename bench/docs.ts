/** `npm run bench:docs`: writes docs/benchmarks.md and docs/benchmarks.svg from the last results. */
import { writeFileSync } from "node:fs";
import { bars } from "./bars.ts";
import { page } from "./page.ts";
import { plot } from "./plot.ts";
import { readResults } from "./results.ts";

const docs = new URL("../docs/", import.meta.url);
const results = readResults();
writeFileSync(new URL("benchmarks.md", docs), page(results, bars));
writeFileSync(new URL("benchmarks.svg", docs), plot(results));
