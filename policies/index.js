import { existsSync } from "node:fs";

// A published pack cannot reach ../model: prepack builds what it needs of both into built/. Not awaited: it is require()d.
const isRepository = existsSync(new URL("../model/budget.ts", import.meta.url));
void import(isRepository ? "./pack.ts" : "./built/policies/pack.js");
