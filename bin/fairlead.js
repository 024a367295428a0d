#!/usr/bin/env node
// Plain JavaScript that any Node since 14 can parse, so that it can report that the Node is too
// old.
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `error: fairlead needs Node 22.19 or newer; this is Node ${process.versions.node} (${process.execPath})\n` +
      'hint: install a newer Node from https://nodejs.org. In a checkout, run npm ci and then npx fairlead, which has its own Node.\n',
  );
  process.exit(2);
}

// A checkout runs its TypeScript sources; the published package contains only what was built.
const { createRequire, enableCompileCache } = await import('node:module');
const source = new URL('../cli/main.ts', import.meta.url);
const inCheckout = existsSync(source);
const cache = inCheckout ? fileURLToPath(new URL('../node_modules/.cache/fairlead', import.meta.url)) : ownCache();
if (cache !== undefined) enableCompileCache(cache);
// What is built is CommonJS.
const { main } = inCheckout ? await import(source.href) : createRequire(import.meta.url)('../dist/cli/main.js');
await main(process.argv.slice(2), process.argv[1]);

// A checkout contains what others have pushed, and a relative directory may be in one: CI jobs
// often keep their caches below the project.
function isOutside(directory) {
  if (!isAbsolute(directory)) return false;
  for (let at = directory; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return false;
    if (at === dirname(at)) return true;
  }
}

// Compiling at each start takes a fifth of the time of most commands. A user who can write to the
// cache decides what runs, so only this user may: not in a shared temporary directory, and not in
// the home of another user, which sudo may leave in the environment.
function ownCache() {
  const { HOME, XDG_CACHE_HOME } = process.env;
  const parent = XDG_CACHE_HOME && isOutside(XDG_CACHE_HOME) ? XDG_CACHE_HOME : HOME && join(HOME, '.cache');
  if (!parent || !isAbsolute(parent)) return undefined;
  const ours = join(parent, 'fairlead');
  const cache = join(ours, 'compiled');
  const isOwn = (directory) => {
    const { uid, mode } = statSync(directory);
    return uid === process.geteuid?.() && (mode & 0o022) === 0;
  };
  try {
    if (!isOwn(dirname(parent)) || (existsSync(parent) && !isOwn(parent))) return undefined;
    mkdirSync(cache, { recursive: true, mode: 0o700 }); // the umask may let a group write
    return isOwn(ours) && isOwn(cache) ? cache : undefined;
  } catch {
    return undefined; // a home that does not exist, or cannot be read or written, has no cache
  }
}
