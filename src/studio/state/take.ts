/** @file Files to take along. */
import type { Download } from "../protocol.ts";
import { strings } from "../strings.ts";
import { address } from "./address.ts";
import { isAborted, wordsOf, worker } from "./connection.ts";
import { say } from "./signals.ts";

/** A file to take along. */
export async function download(of: readonly string[], what: Download): Promise<void> {
  const { opacity, sigma, alpha } = address.value;
  try {
    const { name, blob } = await worker().run("download", { of, what, sliders: { sigma, alpha }, opacity }).output;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    say(strings.take.saved(name));
  } catch (error) {
    if (!isAborted(error)) say(wordsOf(error), true);
  }
}
