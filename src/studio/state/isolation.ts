/** @file Isolation and the page without a network, by a service worker, on hosts that send no headers of their own. */

/** Says that the page was loaded again for isolation, so that it happens once. */
const storageKey = "perceptual-ball-isolated";
/** So long the first visit waits for the service worker, in milliseconds. */
const patience = 4000;

/**
 * Registers the service worker where the server does not isolate the page itself, and loads the page once more when it is there: before anything
 * else has begun. Without one, for instance in a private window, the page works all the same, on one thread and with a network.
 */
export async function becomeIsolated(): Promise<void> {
  const isLocal = ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);
  if (!("serviceWorker" in navigator) || (crossOriginIsolated && isLocal)) return;
  try {
    const registration = await navigator.serviceWorker.register(new URL("service-worker.js", document.baseURI));
    if (crossOriginIsolated || hasReloaded()) return;
    await Promise.race([activated(registration), new Promise((resolve) => setTimeout(resolve, patience))]);
    if (registration.active?.state !== "activated") return;
    location.reload();
    // Nothing is to begin that the reload would end.
    await new Promise(() => {});
  } catch {
    // No service worker, no isolation: one thread.
  }
}

/** Whether this tab has done so before; from now on it has. Where storage is forbidden, it does not try. */
function hasReloaded(): boolean {
  try {
    const has = sessionStorage.getItem(storageKey) !== null;
    sessionStorage.setItem(storageKey, "yes");
    return has;
  } catch {
    return true;
  }
}

function activated({ active, installing, waiting }: ServiceWorkerRegistration): Promise<void> {
  const worker = active ?? waiting ?? installing;
  return new Promise((resolve) => {
    if (worker === null || worker.state === "activated") return resolve();
    worker.addEventListener("statechange", () => {
      if (worker.state === "activated") resolve();
    });
  });
}
