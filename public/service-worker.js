// Serves the site from a cache after the first visit: a later visit transfers nothing and works
// offline. One build is served as a whole, so that a page and an engine of different builds never
// meet; a new build waits until the user reloads (boot.js).

// The build fills in the SHA-256 digest of each file of the site.
const FILES = {};

const CACHE = 'clozelab-files';

// Fetched and stored on first use only: finished models, the module for archives, languages.
const ON_DEMAND = /^(bundle\/.*\.zip|unpack.*|languages\/.*|python\/.*)$/;

const keyOf = (path) => new URL(`${path}?${FILES[path]}`, self.registration.scope).href;

async function digest(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Fetches a file and stores it, if it belongs to this build. */
async function store(cache, path) {
  const address = new URL(path === 'index.html' ? './' : path, self.registration.scope);
  // Revalidates: an unchanged file is not transferred again.
  const response = await fetch(address, { cache: 'no-cache' });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  const bytes = await response.clone().arrayBuffer();
  if ((await digest(bytes)) !== FILES[path]) throw new Error(`${path} belongs to another build`);
  await cache.put(keyOf(path), response.clone());
  return response;
}

async function install() {
  const cache = await caches.open(CACHE);
  for (const path of Object.keys(FILES).filter((path) => !ON_DEMAND.test(path))) {
    if (!(await cache.match(keyOf(path)))) await store(cache, path);
  }
}

async function activate() {
  const cache = await caches.open(CACHE);
  const current = new Set(Object.keys(FILES).map(keyOf));
  for (const request of await cache.keys()) if (!current.has(request.url)) await cache.delete(request);
  await self.clients.claim();
}

async function answer(path) {
  try {
    const cache = await caches.open(CACHE);
    const response = (await cache.match(keyOf(path))) ?? (await store(cache, path));
    // Without the address under which it is stored: a script would take it for its own.
    return new Response(response.body, response);
  } catch {
    // What belongs to another build is not served: the page says that it could not be loaded.
    return Response.error();
  }
}

/** Replaces the build in use, unless another tab uses it too. */
async function replaceBuild(client) {
  const tabs = await self.clients.matchAll({ type: 'window' });
  if (tabs.length > 1) client.postMessage('other-tabs');
  else await self.skipWaiting();
}

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(activate()));
self.addEventListener('message', (event) => event.data === 'activate' && event.waitUntil(replaceBuild(event.source)));
self.addEventListener('fetch', (event) => {
  const { origin, pathname } = new URL(event.request.url);
  const scope = new URL(self.registration.scope);
  if (event.request.method !== 'GET' || origin !== scope.origin || !pathname.startsWith(scope.pathname)) return;
  const path = decodeURIComponent(pathname.slice(scope.pathname.length)) || 'index.html';
  if (Object.hasOwn(FILES, path)) event.respondWith(answer(path));
});
