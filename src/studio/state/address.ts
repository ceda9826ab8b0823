/** @file The state in the address: what is chosen, not the files. Everything after # stays in the browser. */
import { effect, signal } from "@preact/signals";

export const tabs = ["explain", "compare", "attack", "inside", "take"] as const;
export type Tab = (typeof tabs)[number];

/** What can be chosen, as text. */
export interface Address {
  readonly tab: Tab;
  /** Left out: the usual ones of the network. */
  readonly method?: string;
  readonly attack?: string;
  /** The picture's number in the strip. */
  readonly picture: number;
  /** The class asked for instead, by number. */
  readonly target?: number;
  readonly layer?: number;
  readonly opacity: number;
  readonly sigma: number;
  /** The slider of the threshold, where it was moved; else each method has its own. */
  readonly alpha?: number;
  /** Settings that are not the defaults: "perceptual.steps" → "20". */
  readonly settings: Readonly<Record<string, string>>;
  /** Files on the page's own server. */
  readonly model?: string;
  /** The model's weights, where they lie beside it. */
  readonly beside: readonly string[];
  readonly files: readonly string[];
  readonly threads?: number;
  /** What computes, where it is not WebAssembly. */
  readonly processor?: "webgpu";
}

export const defaults: Address = {
  tab: "explain",
  picture: 0,
  opacity: 0.75,
  sigma: 2,
  settings: {},
  beside: [],
  files: [],
};

/** What the text after # says; what it gets wrong is left at its default. */
export function parseAddress(hash: string): Address {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const number = (name: string, low: number, high: number): number | undefined => {
    const text = given.get(name);
    const value = text === null || text.trim() === "" ? Number.NaN : Number(text);
    return value >= low && value <= high ? value : undefined;
  };
  const index = (name: string): number | undefined => {
    const value = number(name, 0, 1e6);
    return Number.isInteger(value) ? value : undefined;
  };
  const word = (name: string): string | undefined => {
    const text = given.get(name);
    return text !== null && /^[a-z0-9-]+$/.test(text) ? text : undefined;
  };
  const settings = [...given].flatMap(([name, value]) => (name.startsWith("set.") ? [[name.slice(4), value]] : []));
  const tab = tabs.find((name) => name === given.get("tab"));
  const model = given.get("model");
  return {
    tab: tab ?? defaults.tab,
    method: word("method"),
    attack: word("attack"),
    picture: index("picture") ?? defaults.picture,
    opacity: number("opacity", 0, 1) ?? defaults.opacity,
    sigma: number("blur", 0, 20) ?? defaults.sigma,
    alpha: number("threshold", 0, 1),
    target: index("target"),
    layer: index("layer"),
    threads: index("threads") === 0 ? undefined : number("threads", 1, 64),
    processor: given.get("processor") === "webgpu" ? "webgpu" : undefined,
    settings: Object.fromEntries(settings),
    ...(model === null || model === "" ? {} : { model }),
    beside: given.getAll("beside").filter((file) => file !== ""),
    files: given.getAll("file").filter((file) => file !== ""),
  };
}

/** The text after # that says what `address` does; defaults are left out. */
export function formatAddress(address: Address): string {
  const text = new URLSearchParams();
  if (address.model !== undefined) text.set("model", address.model);
  for (const file of address.beside) text.append("beside", file);
  for (const file of address.files) text.append("file", file);
  const names = [
    ...(["tab", "method", "attack", "picture", "target", "layer", "opacity", "threads", "processor"] as const).map(
      (key) => [key, key] as const,
    ),
    ["sigma", "blur"] as const,
    ["alpha", "threshold"] as const,
  ];
  for (const [key, name] of names) {
    const value = address[key];
    if (value !== undefined && value !== defaults[key]) text.set(name, String(value));
  }
  for (const [name, value] of Object.entries(address.settings)) text.set(`set.${name}`, value);
  return text.toString();
}

export const address = signal<Address>(parseAddress(location.hash));

/** Changes some of what is chosen. */
export function choose(some: Partial<Address>): void {
  address.value = { ...address.value, ...some };
}

/** The setting `name` of a technique as text; empty means the default. */
export function chooseSetting(technique: string, name: string, value: string): void {
  const { [`${technique}.${name}`]: _, ...rest } = address.value.settings;
  choose({ settings: value === "" ? rest : { ...rest, [`${technique}.${name}`]: value } });
}

/** The settings of a technique, by their own names. */
export function settingsOf(technique: string): Record<string, string> {
  const prefix = `${technique}.`;
  return Object.fromEntries(
    Object.entries(address.value.settings).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
    ),
  );
}

/**
 * Keeps the address bar in step, without a new entry in the history for each slider's move. `onChange` is called after somebody else has changed
 * it: by hand, by a link, or by going back.
 */
export function followAddress(onChange: (before: Address) => void): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let known = location.hash;
  const write = (): void => {
    // What somebody else has just written is told in a later task, and must not be lost.
    if (location.hash !== known) return;
    const text = formatAddress(address.value);
    if (location.hash.replace(/^#/, "") !== text)
      history.replaceState(null, "", text === "" ? location.pathname : `#${text}`);
    known = location.hash;
  };
  effect(() => {
    formatAddress(address.value);
    clearTimeout(timer);
    timer = setTimeout(write, 250);
  });
  addEventListener("hashchange", () => {
    known = location.hash;
    // A link to a place in the page says nothing of what is chosen.
    if (document.getElementById(location.hash.slice(1)) !== null) return write();
    const before = address.value;
    address.value = parseAddress(location.hash);
    onChange(before);
  });
}
