/** @file Pictures and maps on canvases. */
import { useEffect, useRef } from "preact/hooks";
import type { PixelsView } from "../protocol.ts";

export interface CanvasProps {
  readonly width: number;
  readonly height: number;
  /** What it shows, for those who do not see it; an empty text says that it is decoration. */
  readonly text: string;
  readonly draw: (context: CanvasRenderingContext2D) => void;
  readonly class?: string;
}

/** A canvas of so many pixels, drawn anew whenever `draw` is another function. */
export function Canvas({ width, height, text, draw, class: name = "" }: CanvasProps) {
  const element = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = element.current?.getContext("2d");
    if (context) draw(context);
  }, [draw, width, height]);
  // Few pixels are shown as what they are.
  const shows = Math.max(width, height) < 128 ? "crisp" : "smooth";
  return (
    <canvas
      ref={element}
      width={width}
      height={height}
      class={`${shows} ${name}`}
      role="img"
      aria-label={text}
      aria-hidden={text === "" ? "true" : undefined}
    />
  );
}

export function imageDataOf({ data, width, height }: PixelsView): ImageData {
  return new ImageData(data, width, height);
}
