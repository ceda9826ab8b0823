/**
 * @file Groups the reference by what somebody wants to do: a plugin of typedoc (typedoc.json names it), and the tasks in their order.
 *
 * What is exported belongs to the task of the file that it stands in. A file that no task has is an error, so that nothing can get lost.
 */
import { Comment, CommentTag, Converter, ReflectionKind } from "typedoc";

/** Each task: its title, what it is, and the files (beginnings of paths under src) of what serves it. The longest beginning decides. */
export const tasks = [
  {
    title: "Load a classifier and pictures",
    about: "From files, addresses or bytes to a classifier and to pixels that it takes.",
    files: [
      "node/models/",
      "node/endpoint/",
      "node/pictures/",
      "node/npy.ts",
      "web/",
      "classifier/classifier.ts",
      "classifier/logits.ts",
      "classifier/labels/",
    ],
  },
  {
    title: "See what is known of a model",
    about: "Which output is the classification, how pixels are prepared, which layers there are, what a run needs.",
    files: [
      "classifier/network/",
      "classifier/preprocessing/",
      "classifier/watch-classifier.ts",
      "onnx/resource-needs.ts",
    ],
  },
  {
    title: "Explain a picture",
    about: "Saliency maps by any method, through one interface.",
    files: ["saliency/", "experiments/explanation/"],
  },
  {
    title: "Get from a map to a box",
    about: "Blur, threshold, components, boxes, and how well they fit.",
    files: ["localization/", "image/gaussian-blur.ts", "image/normalize.ts"],
  },
  { title: "Attack a picture", about: "Adversarial pictures within a budget.", files: ["attacks/"] },
  { title: "Detect attacks", about: "The statistical test of “The Odds are Odd”.", files: ["detection/"] },
  {
    title: "Read data sets",
    about: "Published formats, folders and generated Scenes.",
    files: ["datasets/", "scenes/", "node/data/"],
  },
  {
    title: "Measure over many pictures",
    about: "Resumable experiments, their records and summaries, statistics.",
    files: ["experiments/", "node/records/"],
  },
  {
    title: "Draw pictures, tables and pages",
    about: "Overlays, panels, figures, tables, reports; colors and sizes.",
    files: ["report/", "image/", "node/pictures/rasterize.ts", "node/pictures/write-image.ts"],
  },
  {
    title: "Write a method, an attack or settings of your own",
    about: "What the built-in ones are made with.",
    files: [
      "saliency/define-method.ts",
      "attacks/define-attack.ts",
      "attacks/attack.ts",
      "attacks/goal.ts",
      "attacks/observer.ts",
      "options/",
    ],
  },
  {
    title: "Search and optimize",
    about: "Solvers, steps and projections that know nothing of pictures.",
    files: ["optimize/"],
  },
  {
    title: "Take and write gradients of graphs",
    about: "From a graph to the graph of its gradient.",
    files: ["autodiff/"],
  },
  { title: "Read, write and change ONNX models", about: "Graphs as data.", files: ["onnx/"] },
  {
    title: "Run a network",
    about: "Sessions, passes in batches, runtimes.",
    files: ["runtime/", "classifier/passes/"],
  },
  { title: "Hold numbers", about: "Tensors, NumPy files, seeded chance.", files: ["tensor/", "random/"] },
  {
    title: "Handle errors and progress",
    about: "Error classes, progress and cost.",
    files: ["errors.ts", "escape-text.ts", "options/cost.ts", "options/progress.ts"],
  },
  {
    title: "Check operators that you add",
    about: "Gradients against differences, runtimes against the reference.",
    files: ["testing/"],
  },
];

/** The title of the task that a file under src serves; undefined if none does. */
export function taskOf(file) {
  let [found, length] = [undefined, 0];
  for (const { title, files } of tasks) {
    for (const beginning of files) {
      if (file.startsWith(beginning) && beginning.length > length) [found, length] = [title, beginning.length];
    }
  }
  return found;
}

/** The file that an export stands in, under src. */
function fileOf(project, reflection) {
  const target = reflection.isReference() ? reflection.getTargetReflectionDeep() : reflection;
  return project.getSymbolIdFromReflection(target)?.packagePath.replace(/^src\//, "");
}

/** What typedoc calls: gives every export the group of its task, and every module the name that it is imported by. */
export function load(app) {
  app.options.setValue(
    "groupOrder",
    tasks.map(({ title }) => title),
  );
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getChildrenByKind(ReflectionKind.Module)) {
      module.name = `perceptual-ball/${module.name.replace(/^exports\//, "")}`.replace(/\/index$/, "");
      for (const reflection of module.children ?? []) {
        const file = fileOf(project, reflection);
        const task = file === undefined ? undefined : taskOf(file);
        if (task === undefined) {
          app.logger.warn(
            `${reflection.name} of ${file} serves no task. Add its file in docs/.vitepress/reference-tasks.mjs.`,
          );
          continue;
        }
        reflection.comment ??= new Comment();
        reflection.comment.blockTags.push(new CommentTag("@group", [{ kind: "text", text: task }]));
      }
    }
  });
}
