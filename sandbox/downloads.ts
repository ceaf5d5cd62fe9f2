/** Where Pulumi's installer and its plugins come from. */
const DOWNLOADS = "https://get.pulumi.com/";

let answer: Promise<boolean> | undefined;

/** Whether Pulumi's download site answers; asked once per process, for five seconds: a firewall may swallow packets. */
export function downloadsReachable(): Promise<boolean> {
  answer ??= fetch(DOWNLOADS, { method: "HEAD", signal: AbortSignal.timeout(5_000) }).then(
    (response) => response.status < 500,
    () => false,
  );
  return answer;
}
