/** @file Where the page begins. */
import { render } from "preact";
import { App } from "./page/app.tsx";
import "./style.css";
import bundledModel from "../../assets/scenes-vgg.onnx?url";
import { followAddress } from "./state/address.ts";
import { becomeIsolated } from "./state/isolation.ts";
import { showAddress, startStudio } from "./state/opening.ts";
import { say } from "./state/signals.ts";
import { strings } from "./strings.ts";

document.documentElement.lang = strings.language;
document.title = strings.title;
const root = document.getElementById("app");
if (root !== null) render(<App />, root);
followAddress(showAddress);

const makeWorker = (): Worker => new Worker(new URL("./worker/worker.ts", import.meta.url), { type: "module" });
becomeIsolated()
  .then(() => startStudio(makeWorker, bundledModel))
  .catch((error: unknown) => {
    say(error instanceof Error ? error.message : String(error), true);
  });
