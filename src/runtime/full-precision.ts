/** @file Asks for float32 products where a graphics card's libraries round by default. */

/** Providers whose libraries are cuBLAS and cuDNN. */
const nvidia = new Set(["cuda", "tensorrt"]);
const variable = "NVIDIA_TF32_OVERRIDE";

type Environment = Record<string, string | undefined>;

/**
 * Has NVIDIA's libraries multiply in float32 where a session runs on them, unless the user has set NVIDIA_TF32_OVERRIDE. By default they round what is
 * multiplied to 10 bits (TF32). Logits bear that. Gradients do not: a rounding decides which rectifiers are open, and single pixels of a gradient were
 * off by a tenth to two fifths of the largest (`bench/RESULTS.md`). onnxruntime-node has no option for it, so that the environment is the only way; the
 * libraries read it when the process first uses them.
 */
export function askForFullPrecision(
  providers: readonly string[] | undefined,
  environment: Environment | undefined = (globalThis as { readonly process?: { readonly env: Environment } }).process
    ?.env,
): void {
  if (environment === undefined || !providers?.some((name) => nvidia.has(name))) return;
  environment[variable] ??= "0";
}
