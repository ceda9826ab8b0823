/** @file All kinds of input, and how often each has its turn. */
import type { Subject } from "../subject.ts";
import { annotationSubject } from "./annotations.ts";
import { archiveSubjects } from "./archives.ts";
import { modelSubject } from "./models.ts";
import { pictureSubject } from "./pictures.ts";
import { recordSubject } from "./records.ts";

/** In turn, so that case n is always of the same kind. Models are the richest, and by far the slowest. */
export async function subjectsInTurn(): Promise<readonly [Subject, ...Subject[]]> {
  const models = modelSubject();
  const [pictures, annotations, records] = [await pictureSubject(), annotationSubject(), await recordSubject()];
  const [tar, cifar, npy] = archiveSubjects();
  const all = [
    models,
    pictures,
    annotations,
    tar,
    records,
    pictures,
    models,
    annotations,
    npy,
    models,
    annotations,
    cifar,
  ];
  return [models, ...all.slice(1).filter((subject) => subject !== undefined)];
}
