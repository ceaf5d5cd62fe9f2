// The least that a policy pack costs, for preview.ts.
import { PolicyPack } from "@pulumi/policy";

process.chdir(import.meta.dirname);
new PolicyPack("empty", { policies: [] });
