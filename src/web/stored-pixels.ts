/** @file The pixels of a decoded picture as its file has them: a canvas multiplies color by opacity, and forgets it where that is 0. */

/** What is used of a `WebGL2RenderingContext`. */
export interface TextureContext {
  readonly [constant: string]: unknown;
  readonly MAX_TEXTURE_SIZE: number;
  readonly TEXTURE_2D: number;
  readonly FRAMEBUFFER: number;
  readonly RGBA: number;
  readonly UNSIGNED_BYTE: number;
  getParameter(name: number): unknown;
  pixelStorei(name: number, value: boolean | number): void;
  createTexture(): unknown;
  bindTexture(target: number, texture: unknown): void;
  texImage2D(target: number, level: number, kept: number, form: number, type: number, source: never): void;
  createFramebuffer(): unknown;
  bindFramebuffer(target: number, framebuffer: unknown): void;
  framebufferTexture2D(target: number, attachment: number, form: number, texture: unknown, level: number): void;
  checkFramebufferStatus(target: number): number;
  readPixels(x: number, y: number, width: number, height: number, form: number, type: number, into: Uint8Array): void;
  getError(): number;
  getExtension(name: string): unknown;
}

/**
 * RGBA of every pixel of `bitmap` (made with `premultiplyAlpha: "none"`), row by row from the top, by way of a texture, which keeps the color of what is transparent.
 * Undefined without a `context`, or if one side is longer than its textures.
 */
export function storedPixels(
  bitmap: { readonly width: number; readonly height: number },
  context: TextureContext | null,
): Uint8Array | undefined {
  if (context === null) return undefined;
  const { width, height } = bitmap;
  try {
    if (Math.max(width, height) > Number(context.getParameter(context.MAX_TEXTURE_SIZE))) return undefined;
    const { TEXTURE_2D, FRAMEBUFFER, RGBA, UNSIGNED_BYTE } = context;
    context.pixelStorei(context.UNPACK_PREMULTIPLY_ALPHA_WEBGL as number, false);
    context.pixelStorei(context.UNPACK_FLIP_Y_WEBGL as number, false);
    context.pixelStorei(context.UNPACK_COLORSPACE_CONVERSION_WEBGL as number, context.NONE as number);
    const texture = context.createTexture();
    context.bindTexture(TEXTURE_2D, texture);
    context.texImage2D(TEXTURE_2D, 0, RGBA, RGBA, UNSIGNED_BYTE, bitmap as never);
    context.bindFramebuffer(FRAMEBUFFER, context.createFramebuffer());
    context.framebufferTexture2D(FRAMEBUFFER, context.COLOR_ATTACHMENT0 as number, TEXTURE_2D, texture, 0);
    if (context.checkFramebufferStatus(FRAMEBUFFER) !== context.FRAMEBUFFER_COMPLETE) return undefined;
    const rgba = new Uint8Array(4 * width * height);
    context.readPixels(0, 0, width, height, RGBA, UNSIGNED_BYTE, rgba);
    return context.getError() === context.NO_ERROR ? rgba : undefined;
  } finally {
    // Browsers keep few contexts at a time, and texture memory until they are collected.
    (context.getExtension("WEBGL_lose_context") as { loseContext(): void } | null)?.loseContext();
  }
}
