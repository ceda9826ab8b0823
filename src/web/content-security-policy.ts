/** @file What the studio's page may do: a claim that anyone can check in the browser's network panel. */

/**
 * The page and its workers load scripts, styles, pictures and WebAssembly from their own server and ask no other one for anything. Said in the
 * page itself, for static hosts, and in the header of every answer, since workers go by their own.
 */
export const contentSecurityPolicy: string = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** The headers that isolate a page from others, so that WebAssembly may have threads, and keep it to its own server. */
export const studioHeaders: Readonly<Record<string, string>> = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Content-Security-Policy": contentSecurityPolicy,
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};
