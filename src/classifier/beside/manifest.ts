/** @file What Custom Vision's manifest says of the model that it exported. */
import type { ModelWarning } from "../network/prepare-model.ts";
import { lastPart } from "./folder.ts";

/** What Custom Vision puts beside the models that it exports. */
export const manifestFile = "cvexport.manifest";

export interface Manifest {
  readonly labelFile: string | undefined;
  readonly metadataFile: string | undefined;
  readonly warning: ModelWarning | undefined;
}

/** The files that a manifest names, by their last part only: none lies anywhere but beside the model. One of another model says nothing. */
export function readManifest(text: string, model: string): Manifest {
  const manifest: unknown = JSON.parse(text);
  const fields: Readonly<Record<string, unknown>> =
    typeof manifest === "object" && manifest !== null ? { ...manifest } : {};
  const fieldOf = (name: string): string | undefined => {
    const value = fields[name];
    return typeof value === "string" && value !== "" ? lastPart(value) : undefined;
  };
  const other = fieldOf("ModelFileName");
  if (other !== undefined && other !== model) {
    return { labelFile: undefined, metadataFile: undefined, warning: undefined };
  }
  const domain = fields.DomainType;
  const isOther = typeof domain === "string" && domain !== "Classification";
  return {
    labelFile: fieldOf("LabelFileName"),
    metadataFile: fieldOf("MetadataPropsFileName"),
    warning: isOther
      ? {
          code: "other-task",
          message: `${manifestFile} beside the model says that it is for ${JSON.stringify(domain)}, which is no classification: percentages may mean nothing`,
        }
      : undefined,
  };
}
