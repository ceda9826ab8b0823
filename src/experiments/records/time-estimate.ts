/** @file How long what is left of an experiment takes, where its methods cost as much as they like. */

/** The computation of some items of one method. */
export interface MeasuredItems {
  readonly method: string;
  readonly items: number;
  /** Of all of them together. */
  readonly seconds: number;
}

export interface TimeLeft {
  readonly seconds: number;
  /** Whether methods are left of which too little has been computed: what they take comes on top. */
  readonly isLowerBound: boolean;
}

export interface TimeEstimate {
  /** Notes what was computed by `process`, such as the number of a worker: the first that it does of a method opens sessions as well. */
  add(measured: MeasuredItems, process?: number): void;
  /** By one process; undefined as long as nothing is known of any method that is left. */
  left(): TimeLeft | undefined;
}

/** So many items at once tell what one takes, although sessions were opened for them. */
const enoughItems = 8;

interface Method {
  open: number;
  first: { items: number; seconds: number };
  later: { items: number; seconds: number };
  readonly processes: Set<number>;
}

/** An estimate of what `open` items take, given by their methods' names, from the mean of each method. */
export function createTimeEstimate(open: readonly string[]): TimeEstimate {
  const methods = new Map<string, Method>();
  const of = (name: string): Method => {
    const found = methods.get(name) ?? {
      open: 0,
      first: { items: 0, seconds: 0 },
      later: { items: 0, seconds: 0 },
      processes: new Set(),
    };
    methods.set(name, found);
    return found;
  };
  for (const name of open) of(name).open++;
  return {
    add({ method, items, seconds }, process = 0) {
      const own = of(method);
      const part = own.processes.has(process) ? own.later : own.first;
      own.processes.add(process);
      part.items += items;
      part.seconds += seconds;
      own.open -= items;
    },
    left() {
      const left = [...methods.values()].filter((method) => method.open > 0);
      if (left.length === 0) return { seconds: 0, isLowerBound: false };
      const known = left.filter(({ first, later }) => later.items > 0 || first.items >= enoughItems);
      if (known.length === 0) return undefined;
      const seconds = known.reduce((sum, { open: count, first, later }) => {
        const by = later.items > 0 ? later : first;
        return sum + (count * by.seconds) / by.items;
      }, 0);
      return { seconds, isLowerBound: known.length < left.length };
    },
  };
}
