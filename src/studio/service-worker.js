/**
 * The service worker of the studio: isolation on hosts whose headers one cannot choose, and the page without a network. The build puts in the list of
 * files, their version and the headers. It keeps what the page is made of and nothing of a user's.
 */
/* global FILES, FIRST_FILES, VERSION, HEADERS */
const cacheName = `studio-${VERSION}`;
const address = (file) => new URL(file, self.registration.scope).href;
const known = new Set(FILES.map(address));

self.addEventListener("install", (event) => {
  const keep = async () => (await caches.open(cacheName)).addAll(FIRST_FILES.map(address));
  event.waitUntil(keep().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const forget = async () => {
    const names = await caches.keys();
    const old = names.filter((name) => name.startsWith("studio-") && name !== cacheName);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(forget());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  url.search = "";
  url.hash = "";
  if (url.href === self.registration.scope) url.pathname += "index.html";
  event.respondWith(respond(request, url.href));
});

/** Hashed files from the cache first; the page itself from the network first, so that a new version is seen. */
async function respond(request, href) {
  if (!known.has(href)) return isolated(await fetch(request));
  const cache = await caches.open(cacheName);
  const isPage = href.endsWith(".html");
  const kept = isPage ? undefined : await cache.match(href);
  if (kept !== undefined) return isolated(kept);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(href, response.clone());
    return isolated(response);
  } catch (error) {
    const last = await cache.match(href);
    if (last !== undefined) return isolated(last);
    throw error;
  }
}

function isolated(response) {
  if (response.type === "opaque" || response.status === 0) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  const isEmpty = [101, 204, 205, 304].includes(response.status);
  return new Response(isEmpty ? null : response.body, {
    status: response.status,
    statusText: response.statusText,
    headers,
  });
}
