/**
 * `npm run reproduce -- NAME`: runs an experiment of the paper again, with its results and their provenance under results/NAME.
 * Without a name it lists them. What was stopped goes on where it was. Further arguments go to the experiment's script.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";

const folder = import.meta.dirname;
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".ts") && !["reproduce.ts", "run-part.ts"].includes(file))
  .map((file) => basename(file, ".ts"));
const [name, ...rest] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  const problem = name === undefined ? "which experiment?" : `no experiment is called ${JSON.stringify(name)}.`;
  console.error(`reproduce: ${problem} There are: ${names.join(", ")}.`);
  process.exit(2);
}
process.exit(
  spawnSync(process.execPath, [...process.execArgv, join(folder, `${name}.ts`), ...rest], { stdio: "inherit" })
    .status ?? 1,
);
