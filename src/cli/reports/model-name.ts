/** @file What pages call a model. */
import { basename } from "node:path";
import { isEndpoint } from "../../node/endpoint/open-endpoint.ts";
import type { FileClassifier } from "../../node/models/load-classifier.ts";

/** The file's name; of an endpoint its URL without the scheme. */
export function modelNameOf(classifier: FileClassifier): string {
  const { path } = classifier.file;
  return isEndpoint(classifier) ? path.replace(/^https?:\/\//, "") : basename(path);
}
