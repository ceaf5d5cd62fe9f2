import { StackFileCopy } from "../../config/stack-file.ts";
import { warningDigest } from "../../provider/warned.ts";
import { writeFileAtomically } from "../../provider/write-file.ts";
import { selectedStack } from "../pulumi/pulumi.ts";
import { changesOf } from "./changes.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { isAllowed, markdown, type Review } from "./markdown.ts";
import type { Preview } from "./preview.ts";
import { type PreviewOptions, runPreview } from "./run-preview.ts";

export interface ReviewOptions extends Pick<PreviewOptions, "policyPack" | "policyPackConfig" | "quiet"> {
  stack?: string;
  /** File. */
  save?: string;
}

/** Prints the review. Resolves with the exit code: 1 if the preview fails or a policy refuses the up. */
export async function review({ stack: given, save, ...policies }: ReviewOptions): Promise<number> {
  const stack = given ?? (await selectedStack());
  // The preview and the fingerprint are of one configuration, even if the file changes meanwhile.
  const config = save === undefined ? undefined : await StackFileCopy.exact(stack);
  try {
    const preview = await runPreview({ stack, ...policies, ...(config && { configFile: config.file }) });
    const found = reviewOf(stack, preview);
    if (save !== undefined && config && isAllowed(found)) {
      const fingerprint = await fingerprintOf(stack, preview, config.file, policies.policyPack);
      await writeFileAtomically(save, `${JSON.stringify(fingerprint, undefined, 1)}\n`, { encoding: "utf8" });
    }
    console.log(markdown(found));
    return isAllowed(found) ? 0 : 1;
  } finally {
    await config?.remove();
  }
}

/** What a review of this preview says. */
export function reviewOf(stack: string, preview: Preview): Review {
  const { steps, errors, warnings, violations, known } = preview;
  const newWarnings = warnings.filter((warning) => !known.has(warningDigest(warning)));
  return {
    stack,
    changes: changesOf(preview),
    isChange: steps.some(({ op }) => op !== "same"),
    errors,
    refusals: violations.filter(({ isMandatory }) => isMandatory),
    advice: violations.filter(({ isMandatory }) => !isMandatory),
    newWarnings,
    knownWarnings: warnings.length - newWarnings.length,
  };
}
