/** @file The pictures: a strip of them, and what the network says of the chosen one. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { shortNameOf } from "../../classifier/labels/short-names.ts";
import { address } from "../state/address.ts";
import { takeFiles } from "../state/files.ts";
import { addPictures, removePicture, selectPicture } from "../state/pictures.ts";
import { network, type PictureEntry, picture, pictures } from "../state/signals.ts";
import { strings } from "../strings.ts";
import { Canvas, imageDataOf } from "./canvas.tsx";
import { Warnings } from "./controls.tsx";
import { FileButton } from "./file-button.tsx";

const words = strings.pictures;

export function PicturesCard() {
  const list = pictures.value;
  const chosen = picture.value;
  const [isCamera, setCamera] = useState(false);
  const scenes = list.filter(({ file }) => "scene" in file).length;
  return (
    <section class="card" aria-labelledby="pictures-heading">
      <h2 id="pictures-heading">{words.heading}</h2>
      <ul class="strip" aria-label={words.strip}>
        {list.map((entry, index) => (
          <li key={entry.key}>
            <Thumb entry={entry} isChosen={entry.key === chosen?.key} onPick={() => selectPicture(index)} />
          </li>
        ))}
      </ul>
      {list.length === 0 ? <p class="soft">{words.none}</p> : null}
      <div class="run-bar">
        <FileButton label={words.add} accept="image/*" onFiles={(files) => void takeFiles(files)} />
        <button type="button" onClick={() => setCamera(true)}>
          {words.camera}
        </button>
        {scenes === list.length ? (
          <button
            type="button"
            onClick={() =>
              void addPictures(
                Array.from({ length: 6 }, (_, n) => ({ name: `scene-${scenes + n + 1}`, scene: scenes + n })),
              )
            }
          >
            {words.scenes}
          </button>
        ) : null}
      </div>
      {chosen === undefined ? null : <Predictions entry={chosen} />}
      {isCamera ? <CameraDialog onClose={() => setCamera(false)} /> : null}
    </section>
  );
}

function Thumb({ entry, isChosen, onPick }: { entry: PictureEntry; isChosen: boolean; onPick: () => void }) {
  const { file, fitted, small, error } = entry;
  const pixels = fitted?.pixels ?? small;
  const draw = useCallback(
    (context: CanvasRenderingContext2D) => {
      if (pixels !== undefined) context.putImageData(imageDataOf(pixels), 0, 0);
    },
    [pixels],
  );
  const label = fitted?.top[0] === undefined ? "" : `, ${shortNameOf(fitted.top[0].name)}`;
  return (
    <button
      type="button"
      class="thumb"
      aria-pressed={isChosen}
      aria-label={`${words.pick(file.name)}${label}`}
      title={error ?? file.name}
      onClick={onPick}
    >
      {pixels === undefined ? (
        <span class="thumb-empty">{error === undefined ? "…" : "!"}</span>
      ) : (
        <Canvas width={pixels.width} height={pixels.height} draw={draw} text="" />
      )}
    </button>
  );
}

function Predictions({ entry }: { entry: PictureEntry }) {
  const { file, fitted, error, key } = entry;
  const { picture: index } = address.value;
  return (
    <div class="predictions" data-picture={index}>
      <p class="picture-name">
        <strong>{file.name}</strong>
        <button type="button" class="quiet" aria-label={words.remove(file.name)} onClick={() => removePicture(key)}>
          ✕
        </button>
      </p>
      {error === undefined ? null : <p class="problem">{error}</p>}
      {fitted === undefined ? (
        error === undefined && network.value !== undefined ? (
          <p class="soft">{words.waiting}</p>
        ) : null
      ) : (
        <>
          <Warnings warnings={fitted.warnings} />
          <h3>{words.top}</h3>
          <ol class="top-five">
            {fitted.top.map(({ index: label, name, confidence }) => (
              <li key={label}>
                <span class="class-name" dir="auto" title={name}>
                  {shortNameOf(name)}
                </span>
                <span class="bar-track">
                  <span class="bar" style={{ inlineSize: `${100 * confidence}%` }} />
                </span>
                <span class="bar-number">{strings.percent(confidence)}</span>
              </li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}

let taken = 0;

function CameraDialog({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let stream: MediaStream | undefined;
    let isGone = false;
    dialog.current?.showModal();
    const open = async (): Promise<void> => {
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
        if (isGone) for (const track of stream.getTracks()) track.stop();
        else if (video.current !== null) video.current.srcObject = stream;
      } catch {
        setProblem(words.cameraDenied);
      }
    };
    void open();
    return () => {
      isGone = true;
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
  }, []);
  const take = async (): Promise<void> => {
    const { current } = video;
    if (current === null || current.videoWidth === 0) return;
    const canvas = new OffscreenCanvas(current.videoWidth, current.videoHeight);
    canvas.getContext("2d")?.drawImage(current, 0, 0);
    const blob = await canvas.convertToBlob({ type: "image/png" });
    onClose();
    await addPictures([{ name: words.cameraName(++taken), blob }]);
  };
  return (
    <dialog ref={dialog} aria-label={words.cameraTitle} onClose={onClose}>
      <h2>{words.cameraTitle}</h2>
      {problem === "" ? <video ref={video} autoplay playsInline muted /> : <p class="problem">{problem}</p>}
      <div class="run-bar">
        <button type="button" class="primary" disabled={problem !== ""} onClick={() => void take()}>
          {words.cameraTake}
        </button>
        <button type="button" onClick={onClose}>
          {words.cameraClose}
        </button>
      </div>
    </dialog>
  );
}
