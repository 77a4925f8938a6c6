// A server for the pages of the benchmark: it isolates them, so that WebAssembly has threads, sends
// files compressed, and counts their bytes.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const TYPES = {
  '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.json': 'application/json',
  '.wasm': 'application/wasm', '.css': 'text/css', '.txt': 'text/plain', '.svg': 'image/svg+xml',
};
// That of the files that the site comes with.
const LEVEL = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
// Weights and texts are sent to all programs, and not compared.
const FAST = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };

const compressed = new Map();

// The texts and weights that a program works on are not a part of it.
const isProgram = (pathname) => !pathname.startsWith('/fixture/') && !pathname.includes('/bundle/');

/**
 * Serves folders by the first part of the path, `{ '/peers/': folder }`, and `pages`, which map paths
 * to texts and go first. `takeSent` of the result returns the bytes of programs sent since its last
 * call.
 */
export async function serveBench(folders, pages) {
  let sent = 0;
  for (const path of [...compressed.keys()].filter((path) => !isProgram(path))) compressed.delete(path);
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    try {
      const type = TYPES[extname(pathname)] ?? 'application/octet-stream';
      if (!compressed.has(pathname)) compressed.set(pathname, await brotli(pathname));
      const bytes = compressed.get(pathname);
      if (isProgram(pathname)) sent += bytes.length;
      response.writeHead(200, {
        'content-type': type, 'content-encoding': 'br', 'content-length': bytes.length,
        'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp',
      });
      response.end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  const brotli = async (pathname) => {
    if (pages[pathname]) return brotliCompressSync(pages[pathname], LEVEL);
    const prefix = Object.keys(folders).find((prefix) => pathname.startsWith(prefix));
    const file = join(folders[prefix], normalize(`/${pathname.slice(prefix.length)}`));
    // The site has compressed files of its own.
    return readFile(`${file}.br`).catch(async () => brotliCompressSync(await readFile(file), isProgram(pathname) ? LEVEL : FAST));
  };
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    takeSent: () => {
      const bytes = sent;
      sent = 0;
      return bytes;
    },
    close: () => server.close(),
  };
}
