/** @file Cases of a mutation campaign by their numbers, and what a case found. */
import { createRandom } from "../../src/random/random.ts";
import { minimize } from "./minimize.ts";
import type { Input, Outcome, Subject } from "./subject.ts";

export interface Finding {
  readonly case: number;
  readonly subject: string;
  /** What went wrong, the same for the same fault. */
  readonly signature: string;
  readonly details: string;
  /** The smallest input found that does the same; files as base64. */
  readonly input: Readonly<Record<string, string>>;
}

export type Counts = Record<string, Record<Outcome | "found", number>>;

/** Limits of one case: processor seconds, and growth of the process's memory in megabytes. */
const mostSeconds = 2;
const mostMegabytes = 500;

/** Cases of the numbers `from` to `to` (exclusive), one after the other. `onCase` is told of each before it begins. */
export async function runCases(
  subjects: readonly [Subject, ...Subject[]],
  {
    from,
    to,
    onCase = () => {},
  }: { readonly from: number; readonly to: number; readonly onCase?: (n: number) => void },
): Promise<{ readonly counts: Counts; readonly findings: readonly Finding[] }> {
  const counts: Counts = {};
  const findings: Finding[] = [];
  const known = new Set<string>();
  for (let n = from; n < to; n++) {
    onCase(n);
    const subject = subjects[n % subjects.length] ?? subjects[0];
    counts[subject.name] ??= { accepted: 0, refused: 0, found: 0 };
    const tally = counts[subject.name];
    const input = subject.make(createRandom(n));
    const { outcome, fault } = await tryCase(subject, input);
    tally[outcome]++;
    if (fault === undefined || known.has(fault.signature)) continue;
    known.add(fault.signature);
    const smallest = await minimize(input, async (smaller) => {
      return (await tryCase(subject, smaller)).fault?.signature === fault.signature;
    });
    const files = Object.fromEntries(
      [...smallest].map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64")]),
    );
    findings.push({ case: n, subject: subject.name, ...fault, input: files });
  }
  return { counts, findings };
}

interface Fault {
  readonly signature: string;
  readonly details: string;
}

async function tryCase(
  subject: Subject,
  input: Input,
): Promise<{ readonly outcome: Outcome | "found"; readonly fault?: Fault }> {
  const [before, peak] = [process.cpuUsage(), process.resourceUsage().maxRSS];
  try {
    const outcome = await subject.use(input);
    const { user, system } = process.cpuUsage(before);
    const seconds = (user + system) / 1e6;
    const grown = (process.resourceUsage().maxRSS - peak) / 1024;
    const isSlow = seconds > mostSeconds;
    if (!isSlow && grown <= mostMegabytes) return { outcome };
    const details = `${seconds.toFixed(1)} s of processor time, ${grown.toFixed(0)} MB more memory`;
    return { outcome: "found", fault: { signature: `${subject.name}: ${isSlow ? "time" : "memory"}`, details } };
  } catch (error) {
    return { outcome: "found", fault: faultOf(subject, error) };
  }
}

/** A fault is known by the kind of its error and the place in our code that it came from. */
function faultOf(subject: Subject, error: unknown): Fault {
  if (!(error instanceof Error)) return { signature: `${subject.name}: threw no error`, details: String(error) };
  const place = /(?:src|scripts)\/[^\s):]+:\d+/.exec(error.stack ?? "")?.[0] ?? "";
  return {
    signature: `${subject.name}: ${error.name} at ${place}`,
    details: `${error.stack ?? error.message}`.slice(0, 1500),
  };
}
