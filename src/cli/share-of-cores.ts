/** @file The cores of a machine, shared by processes that run one command line. */
import { availableParallelism } from "node:os";

/** The arguments of a command with `--threads`, before its operands, for one of so many processes. */
export function withShareOfCores(argv: readonly string[], processes: number): string[] {
  const operands = argv.indexOf("--");
  const position = operands === -1 ? argv.length : operands;
  const each = Math.max(1, Math.floor(availableParallelism() / processes));
  return argv.toSpliced(position, 0, "--threads", String(each));
}
