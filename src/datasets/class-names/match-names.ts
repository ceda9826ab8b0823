/**
 * @file Which of a data set's class names mean which of a model's, where they are not called the same: folders have numbers or words in front
 * ("001.ak47", "n02085620-Chihuahua", "class_cat"), or more words ("downs_negative" for "Negative").
 *
 * What is concluded is one-to-one or nothing: a name that fits two classes fits none, and two names that fit one class both fit none.
 */

/** A name as it is compared: letter case, spaces, underscores and hyphens do not matter. */
export function foldedName(name: string): string {
  return name.toLowerCase().replace(/[\s_-]+/g, "");
}

/** The WordNet number in front of a name ("n02085620-Chihuahua") and what stands behind it. */
export function synsetInFront(name: string): { readonly synset: string; readonly rest: string } | undefined {
  const [, synset, rest] = /^(n\d{8})[-_ ]+(.+)$/.exec(name) ?? [];
  return synset === undefined ? undefined : { synset, rest };
}

/** The name without a number or the word "class" in front, if it has any of these; numbers that are left name nothing. */
export function withoutFront(name: string): string | undefined {
  const rest = synsetInFront(name)?.rest ?? name.replace(/^\d+[._ -]+|^class(?:es)?[_ -]+/i, "");
  return rest === name || /^[\d\s._-]*$/.test(rest) ? undefined : rest;
}

/** The places in `names` of those that fit, by the places of the data's; as far as each is one-to-one. */
type Places = ReadonlyMap<number, number>;

/**
 * The classes among `names` that `wanted`, of which none is called so, mean without what stands in front of either. `taken` are the classes that
 * others have.
 */
export function matchWithoutFront(
  wanted: ReadonlyMap<number, string>,
  names: readonly string[],
  taken: ReadonlySet<number>,
): Places {
  const whole = placesOf(names.map((name) => [name, ...name.split(",")]));
  const behind = placesOf(names.map((name) => [withoutFront(name) ?? ""]));
  const candidates = [...wanted].map(([index, name]) => {
    const rest = withoutFront(name);
    const own = rest === undefined ? undefined : whole.get(foldedName(rest));
    // Of two that both have something in front only one side is stripped: "2 euro" is not "1 euro".
    return [index, [...(own ?? behind.get(foldedName(name)) ?? [])]] as const;
  });
  return oneToOne(candidates, taken);
}

function placesOf(forms: readonly (readonly string[])[]): ReadonlyMap<string, ReadonlySet<number>> {
  const places = new Map<string, Set<number>>();
  for (const [place, texts] of forms.entries()) {
    for (const text of texts.map(foldedName)) {
      if (text === "") continue;
      places.set(text, (places.get(text) ?? new Set()).add(place));
    }
  }
  return places;
}

/** Those of the candidates that are alone with their place. */
function oneToOne(
  candidates: readonly (readonly [number, readonly number[]])[],
  taken: ReadonlySet<number> = new Set(),
): Places {
  const claims = new Map<number, number>();
  for (const [, places] of candidates) for (const place of places) claims.set(place, (claims.get(place) ?? 0) + 1);
  return new Map(
    candidates.flatMap(([index, places]) =>
      places.length === 1 && claims.get(places[0]) === 1 && !taken.has(places[0]) ? [[index, places[0]]] : [],
    ),
  );
}

/** With any of these a name says the contrary of the one without. */
const negations = ["no", "not", "non", "without"];

function wordsOf(name: string): ReadonlySet<string> {
  const words = name
    .replace(/(?<=\p{Ll})(?=\p{Lu})/gu, " ")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .map((word) => word.replace(/(?<=..[^s])s$/, ""));
  return new Set(words.filter((word) => /\p{L}/u.test(word)));
}

/**
 * The classes among `names` that `wanted` mean by whole words: all words of the one are in the other ("downs_negative" is "Negative", "cats" is "cat").
 * As far as these are one-to-one; where they are so for all, they are the same classes.
 */
export function matchByWords(wanted: readonly string[], names: readonly string[]): Places {
  const all = names.map(wordsOf);
  const candidates = wanted.map((name, index) => {
    const own = wordsOf(name);
    const fits = (other: ReadonlySet<string>): boolean => {
      if (own.size === 0 || other.size === 0) return false;
      if (negations.some((word) => own.has(word) !== other.has(word))) return false;
      const [less, more] = own.size <= other.size ? [own, other] : [other, own];
      return [...less].every((word) => more.has(word));
    };
    return [index, all.flatMap((other, place) => (fits(other) ? [place] : []))] as const;
  });
  return oneToOne(candidates);
}
