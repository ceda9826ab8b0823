/** @file What a file that is not an ONNX model looks like, so that the error can say how it came about. */

interface Look {
  readonly name: string;
  readonly advice: string;
  readonly matches: (bytes: Uint8Array, head: string) => boolean;
}

const exportIt = "Export the model to ONNX first (torch.onnx.export, tf2onnx, …) and pass that file.";
const passTheModel = "Pass the .onnx file instead.";
const downloadAgain = "The download failed; fetch the file itself, not the page about it.";

function startsWith(...signature: readonly number[]): Look["matches"] {
  return (bytes) => bytes.length >= signature.length && signature.every((byte, i) => bytes[i] === byte);
}

function isText(head: string): boolean {
  if (head.length === 0) return false;
  for (let i = 0; i < head.length; i++) {
    const code = head.charCodeAt(i);
    if (code > 126 || (code < 32 && code !== 9 && code !== 10 && code !== 13)) return false;
  }
  return true;
}

/** In order of precedence: the first that matches is the answer. */
const looks: readonly Look[] = [
  { name: "an empty file", advice: "Export or download it again.", matches: (bytes) => bytes.length === 0 },
  {
    name: "a git-LFS pointer",
    advice: "The checkout holds a reference in place of the model: run `git lfs pull` there.",
    matches: (_, head) => head.startsWith("version https://git-lfs"),
  },
  {
    name: "an HTML page",
    advice: downloadAgain,
    matches: (_, head) => /^\s*<(!doctype html|html|head|body)/i.test(head),
  },
  { name: "an XML document", advice: downloadAgain, matches: (_, head) => /^\s*<\?xml/.test(head) },
  { name: "a JPEG picture", advice: passTheModel, matches: startsWith(0xff, 0xd8, 0xff) },
  { name: "a PNG picture", advice: passTheModel, matches: startsWith(0x89, 0x50, 0x4e, 0x47) },
  { name: "a GIF picture", advice: passTheModel, matches: (_, head) => head.startsWith("GIF8") },
  {
    name: "a WebP picture",
    advice: passTheModel,
    matches: (_, head) => head.startsWith("RIFF") && head.slice(8, 12) === "WEBP",
  },
  {
    name: "a zip archive (as PyTorch and Keras write)",
    advice: `Unpack it, or if it is a checkpoint: ${exportIt}`,
    matches: startsWith(0x50, 0x4b, 0x03, 0x04),
  },
  { name: "a gzip archive", advice: "Unpack it first.", matches: startsWith(0x1f, 0x8b) },
  { name: "an HDF5 file (as Keras writes)", advice: exportIt, matches: startsWith(0x89, 0x48, 0x44, 0x46) },
  {
    name: "a pickled checkpoint (as PyTorch wrote)",
    advice: exportIt,
    matches: (bytes) => bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5,
  },
  { name: "a TensorFlow Lite model", advice: exportIt, matches: (_, head) => head.slice(4, 8) === "TFL3" },
  {
    name: "a model in onnxruntime's own .ort format",
    advice: "Pass the .onnx file that it was made from.",
    matches: (_, head) => head.slice(4, 8) === "ORTM",
  },
  {
    name: "a safetensors file",
    advice: `It holds weights without a network. ${exportIt}`,
    matches: (_, head) => head.slice(8, 10) === '{"',
  },
  { name: "a JSON document", advice: passTheModel, matches: (_, head) => /^\s*[{[]\s*["\]}{[]/.test(head) },
  { name: "a text file", advice: passTheModel, matches: (_, head) => isText(head) },
];

/** The name of the kind of file that `bytes` looks like and what to do about it, or undefined if it is none of the known. */
export function recognizeFile(bytes: Uint8Array): { readonly name: string; readonly advice: string } | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, 256));
  return looks.find(({ matches }) => matches(bytes, head));
}
