/** @file What made a result: versions and machine, for records. */
import { cpus } from "node:os";
import type { Classifier } from "../classifier/classifier.ts";
import { isEndpoint } from "../node/endpoint/open-endpoint.ts";
import { describeRuntime, type Runtime } from "../runtime/runtime.ts";
import { packageVersion } from "./package-version.ts";

/** Of the record of a picture: nothing in it depends on the machine's name or speed. */
export function pictureVersions(runtime: Runtime, classifier?: Classifier) {
  return {
    perceptualBall: packageVersion(),
    runtime: classifier !== undefined && isEndpoint(classifier) ? "endpoint" : describeRuntime(runtime),
    platform: `Node ${process.version}`,
  };
}

/** Of a benchmark, whose times mean something on this machine only. */
export function benchmarkVersions(runtime: Runtime) {
  return {
    "perceptual-ball": packageVersion(),
    runtime: describeRuntime(runtime),
    node: process.version,
    machine: `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`,
  };
}
