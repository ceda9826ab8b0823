/**
 * @file CVAT's own XML of pictures ("CVAT for images 1.1"): `<image name width height>` with `<box label xtl ytl xbr ybr>`, edges in pixels from 0 with
 * fractions, and other shapes, of which the bounds are taken (https://docs.cvat.ai/docs/manual/advanced/formats/format-cvat/).
 */
import { BadInputError } from "../../../errors.ts";
import type { Box } from "../../dataset.ts";
import { type DatasetSource, textHead } from "../../dataset-source.ts";
import { parseXml, type XmlElement } from "../../syntax/parse-xml.ts";
import { numberOf } from "./box-columns.ts";
import type { BoxTable } from "./box-table.ts";
import { boundsOf, ellipseBounds } from "./via-regions.ts";

/** So much of a file is looked at. */
const headLength = 2 ** 16;

/** Whether the XML is CVAT's of pictures, as far as its beginning tells. */
export async function isCvatXml(source: DatasetSource, file: string): Promise<boolean> {
  const { text } = await textHead(source, file, headLength);
  return /<annotations>/.test(text) && /<image\s[^>]*\bname=/.test(text) && !/<track\b/.test(text);
}

/** What the XML in `text` says of boxes. Throws a BadInputError on behalf of `where` if it is none. */
export function cvatTable(text: string, where: string): BoxTable {
  const root = parseXml(text, where);
  if (root.name !== "annotations") {
    throw new BadInputError({ where, what: `the root element is <${root.name}>`, expected: "CVAT's <annotations>" });
  }
  const rows = root.children
    .filter(({ name }) => name === "image")
    .flatMap(({ children, attributes = {} }) => {
      const picture = {
        image: attributes.name ?? "",
        width: numberOf(attributes.width ?? ""),
        height: numberOf(attributes.height ?? ""),
      };
      const shapes = children.filter(({ name }) => name !== "tag");
      if (shapes.length === 0) return [{ ...picture, at: "", label: "", texts: [""], box: undefined, isEmpty: true }];
      return shapes.map((shape, index) => ({
        ...picture,
        at: `shape ${index + 1}`,
        label: shape.attributes?.label ?? "",
        texts: [JSON.stringify({ [shape.name]: shape.attributes })],
        box: boxOf(shape),
        isEmpty: false,
      }));
    });
  return { rows, wanted: "shape with an area", areShares: false, problems: [], notes: [] };
}

/** The box around the shape; undefined for points and lines, and where a number is none. */
function boxOf({ name, attributes = {} }: XmlElement): Box | undefined {
  const numbers = (...keys: readonly string[]): readonly number[] => keys.map((key) => numberOf(attributes[key] ?? ""));
  const found = bounds();
  return found?.every(Number.isFinite) ? found : undefined;

  function bounds(): Box | undefined {
    if (name === "box") {
      const [x0, y0, x1, y1] = numbers("xtl", "ytl", "xbr", "ybr");
      const angle = numberOf(attributes.rotation ?? "0") * (Math.PI / 180);
      if (angle === 0) return [x0, y0, x1, y1];
      // Turned around its center, clockwise.
      const [cx, cy, w, h] = [(x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2];
      const [c, s] = [Math.abs(Math.cos(angle)), Math.abs(Math.sin(angle))];
      const [dx, dy] = [w * c + h * s, w * s + h * c];
      return [cx - dx, cy - dy, cx + dx, cy + dy];
    }
    if (name === "ellipse") {
      const [cx, cy, rx, ry] = numbers("cx", "cy", "rx", "ry");
      return ellipseBounds([cx, cy], [rx, ry], numberOf(attributes.rotation ?? "0") * (Math.PI / 180));
    }
    if (name === "mask") {
      const [left, top, width, height] = numbers("left", "top", "width", "height");
      return [left, top, left + width, top + height];
    }
    if (name !== "polygon") return undefined;
    const points = (attributes.points ?? "").split(";").map((point) => point.split(",").map(Number));
    return boundsOf(
      points.map(([x]) => x),
      points.map(([, y]) => y),
    );
  }
}
