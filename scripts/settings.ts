/**
 * @file The tables of settings in docs/, from the schemas of what they are the settings of.
 *
 * test/settings-documents.test.ts compares the documents with this; `npm run settings` makes the same test write them, as file
 * snapshots. A table stands between `<!-- settings of NAME -->` and `<!-- end of settings -->`; the rest of a document is left as it is.
 */
import { optionTable } from "../src/options/describe.ts";
import type { OptionSchema } from "../src/options/schema.ts";

const place = /<!-- settings of (\S+) -->\n[\s\S]*?<!-- end of settings -->/g;

/** The names whose settings `document` has a place for, in order. */
export function placesOf(document: string): string[] {
  return [...document.matchAll(place)].map(([, name]) => name);
}

/** `document` with the table of each schema in its place. Throws for a place whose name has no schema. */
export function withSettings(document: string, schemas: ReadonlyMap<string, OptionSchema>): string {
  return document.replace(place, (_, name: string) => {
    const schema = schemas.get(name);
    if (schema === undefined) throw new Error(`there are no settings of ${name}`);
    return `<!-- settings of ${name} -->\n\n${optionTable(schema)}\n\n<!-- end of settings -->`;
  });
}
