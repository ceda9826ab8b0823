/** @file Searches that end at different times: what they ask is answered together, and only for the images that are still open. */
import type { Layer } from "../../classifier/network/layers.ts";
import type { LpipsTerms } from "../../classifier/passes/lpips.ts";
import type { PassOutput } from "../../classifier/passes/network-graphs.ts";
import type { Pass } from "../../classifier/passes/pass.ts";
import type { BackwardEvaluation, BackwardInput } from "../../classifier/passes/passes.ts";
import { throwIfAborted } from "../../errors.ts";
import type { SearchContext, SearchResult } from "../attack.ts";
import type { Goal } from "../goal.ts";
import type { Found } from "../lockstep.ts";

/**
 * What a search wants to know: the margin with its gradient, gradients of what it chooses, logits of several points, or the LPIPS distance to another image,
 * with a gradient or without.
 */
export type Ask = MarginAsk | GradientAsk | LabelAsk | LpipsAsk | LpipsDistanceAsk;

/** Wants the logits, the LPIPS distance to the image with these features, and the features of the point. */
export interface LpipsDistanceAsk {
  /** The search's own array, flat [C, H, W]: read before it goes on. */
  readonly point: Float32Array;
  readonly from: readonly Float32Array[];
  readonly layers: readonly Layer[];
}

/** Wants, besides, the gradient of terms. */
export interface LpipsAsk extends LpipsDistanceAsk {
  readonly terms: LpipsTerms;
}

/** Wants the logits and, as the only gradient, that of the margin as the goal sees it. */
export interface MarginAsk {
  /** The search's own array, flat [C, H, W]: read before it goes on. */
  readonly point: Float32Array;
  readonly margin: Goal;
}

/** Wants the logits of several points at once. */
export interface LabelAsk {
  readonly points: readonly Float32Array[];
}

/** Wants the logits of a point, and gradients. */
export interface GradientAsk {
  /** The search's own array, flat [C, H, W]: read before it goes on. */
  readonly point: Float32Array;
  /** What gradients start from. */
  readonly of: PassOutput;
  /** A cotangent [K] of that for each gradient that is wanted, each a run of its own; none: the logits alone. */
  readonly seeds: readonly Float32Array[];
}

/** The arrays may share memory with answers to others: who keeps one copies it. */
export interface Answer {
  /** [K]; of several gradients, those of the last one's run; of several points, the last one's. */
  readonly logits: Float32Array;
  /** Of several points, the logits of each; nothing otherwise. */
  readonly each?: readonly Float32Array[];
  /** One for each seed, flat [C, H, W]. */
  readonly gradients: readonly Float32Array[];
  /** Where it was asked for, the LPIPS distance, and the values of its layers at the point. */
  readonly distance?: number;
  readonly features?: readonly Float32Array[];
}

/** A search for one image. */
export type Search<R> = Generator<Ask, R, Answer>;

/** What a part of AutoAttack found for an image. */
export interface PartFound {
  readonly point: Float32Array;
  /** Whether it reached the goal within the budget. */
  readonly isReached: boolean;
  /** JSON, for records. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** A part as the search of an attack of its own. */
export function* alone(search: Search<PartFound>): Search<Found<undefined>> {
  const { point, details } = yield* search;
  return { point, details };
}

/**
 * What each search found, with what it cost, all of them in lockstep. A search that has ended takes no further rows: with a quarter of them
 * left, a session of a quarter of the rows goes on.
 */
export async function searchTogether<F>(
  searches: readonly Search<Found<F>>[],
  context: Pick<SearchContext, "classifier" | "batch" | "signal" | "onGradients">,
): Promise<SearchResult<F>[]> {
  const { signal, onGradients } = context;
  const answerAll = answering(context);
  const states = searches.map((search) => search.next());
  const costs = searches.map(() => ({ forward: 0, gradient: 0 }));
  for (;;) {
    throwIfAborted(signal, "attack");
    const open = states.flatMap((state, row) => (state.done ? [] : [{ row, ask: state.value }]));
    if (open.length === 0) break;
    const answers = await answerAll(open.map(({ ask }) => ask));
    throwIfAborted(signal, "attack");
    onGradients(open.reduce((sum, { ask }) => sum + gradientsOf(ask), 0));
    for (const [n, { row, ask }] of open.entries()) {
      const gradients = gradientsOf(ask);
      costs[row].gradient += gradients;
      if (gradients === 0) costs[row].forward += pointsOf(ask).length;
      states[row] = searches[row].next(answers[n]);
    }
  }
  return states.map((state, row) => ({ ...(state.value as Found<F>), cost: costs[row] }));
}

function gradientsOf(ask: Ask): number {
  return "margin" in ask || "terms" in ask ? 1 : "seeds" in ask ? ask.seeds.length : 0;
}

function pointsOf(ask: Ask): readonly Float32Array[] {
  return "points" in ask ? ask.points : [ask.point];
}

/** The function that answers any number of questions in runs of at most `batch` rows. */
function answering({
  classifier,
  batch,
  signal,
}: Pick<SearchContext, "classifier" | "batch" | "signal">): (asks: readonly Ask[]) => Promise<Answer[]> {
  const rows = rowsOf(batch);
  const passes = new Map<string, Promise<unknown>>();
  const opened = <P>(key: string, open: () => Promise<P>): Promise<P> => {
    const pass = (passes.get(key) as Promise<P> | undefined) ?? open();
    passes.set(key, pass);
    return pass;
  };
  const run = async <In, Out>(
    inputs: readonly In[],
    kind: string,
    open: (batch: number) => Promise<Pass<In, Out>>,
  ): Promise<Out[]> => {
    const outputs: Out[] = [];
    for (let from = 0; from < inputs.length; ) {
      const size = rows.findLast((count) => count >= inputs.length - from) ?? batch;
      const pass = await opened(`${kind} ${size}`, () => open(size));
      outputs.push(...(await pass.run(inputs.slice(from, from + size), { signal })));
      from += size;
    }
    return outputs;
  };
  return async (asks) => {
    const answers: Answer[] = new Array<Answer>(asks.length);
    const forward = [...asks.keys()].filter((n) => gradientsOf(asks[n]) === 0 && !("from" in asks[n]));
    if (forward.length > 0) {
      const logits = await run(
        forward.flatMap((n) => pointsOf(asks[n])),
        "forward",
        (size) => classifier.forward({ batch: size }),
      );
      let from = 0;
      for (const n of forward) {
        const each = logits.slice(from, from + pointsOf(asks[n]).length);
        from += each.length;
        answers[n] = { logits: each[each.length - 1], each, gradients: [] };
      }
    }
    const margins = asks.flatMap((ask, n) => ("margin" in ask ? [{ ask, n }] : []));
    if (margins.length > 0) {
      const inputs = margins.map(({ ask: { point, margin } }) => ({ image: point, ...margin }));
      const found = await run(inputs, "margin", (size) => classifier.marginGradients({ batch: size }));
      for (const [k, { n }] of margins.entries()) {
        answers[n] = { logits: found[k].logits, gradients: [found[k].gradient] };
      }
    }
    const compared = asks.flatMap((ask, n) => ("from" in ask ? [{ ask, n }] : []));
    for (const layers of new Set(compared.map(({ ask }) => ask.layers))) {
      const key = layers.map(({ name }) => name).join(" ");
      const some = compared.filter(({ ask }) => ask.layers === layers);
      const measured = some.flatMap(({ ask, n }) => ("terms" in ask ? [] : [{ ask, n }]));
      const distances =
        measured.length === 0
          ? []
          : await run(
              measured.map(({ ask: { point, from } }) => ({ image: point, features: from })),
              `distance ${key}`,
              (size) => classifier.lpipsDistances({ layers, batch: size }),
            );
      for (const [k, { n }] of measured.entries()) answers[n] = { ...distances[k], gradients: [] };
      const climbed = some.flatMap(({ ask, n }) => ("terms" in ask ? [{ ask, n }] : []));
      if (climbed.length === 0) continue;
      const found = await run(
        climbed.map(({ ask: { point, from, terms } }) => ({ image: point, features: from, terms })),
        `lpips ${key}`,
        (size) => classifier.lpips({ layers, batch: size }),
      );
      for (const [k, { n }] of climbed.entries()) {
        const { gradient, ...answer } = found[k];
        answers[n] = { ...answer, gradients: [gradient] };
      }
    }
    const wanted = asks.flatMap((ask, n) => ("seeds" in ask && ask.seeds.length > 0 ? [{ ask, n }] : []));
    for (const of of new Set(wanted.map(({ ask }) => ask.of))) {
      const some = wanted.filter(({ ask }) => ask.of === of);
      const inputs = some.flatMap(({ ask: { point, seeds } }) => seeds.map((seed) => ({ image: point, seed })));
      const found = await run<BackwardInput, BackwardEvaluation>(inputs, of, (size) =>
        classifier.backward({ of, batch: size }),
      );
      let from = 0;
      for (const { ask, n } of some) {
        const own = found.slice(from, from + ask.seeds.length);
        from += ask.seeds.length;
        answers[n] = { logits: own[own.length - 1].logits, gradients: own.map(({ gradient }) => gradient) };
      }
    }
    return answers;
  };
}

/**
 * The rows that sessions have: all, a quarter, a sixteenth … down to two, since a product with one row is summed in another order than the
 * same row among others.
 */
function rowsOf(batch: number): number[] {
  const rows = [batch];
  for (let count = Math.ceil(batch / 4); count >= 2; count = Math.floor(count / 4)) rows.push(count);
  return rows;
}
