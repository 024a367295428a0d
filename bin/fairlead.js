#!/usr/bin/env node
// Plain JavaScript that any Node since 14 can parse: it must be able to say that the Node is too
// old.
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `error: fairlead needs Node 22.19 or newer, and this is Node ${process.versions.node} (${process.execPath})\n` +
      'hint: install a newer Node from https://nodejs.org, or run it by npx or npm in a checkout after npm ci, which brings its own Node.\n',
  );
  process.exit(2);
}

// A checkout runs its TypeScript as it is; the published package holds only what was built from it.
const { enableCompileCache } = await import('node:module');
const source = new URL('../cli/main.ts', import.meta.url);
const inCheckout = existsSync(source);
const cache = inCheckout ? fileURLToPath(new URL('../node_modules/.cache/fairlead', import.meta.url)) : ownCache();
if (cache !== undefined) enableCompileCache(cache);
const main = inCheckout ? source : new URL('../dist/cli/main.js', import.meta.url);
const { run } = await import(main.href);
process.exitCode = await run(process.argv.slice(2));

// What lies in a checkout came from whoever may push there, and a folder that is relative may be in
// one: CI jobs are told to keep their caches below the project.
function isOutside(folder) {
  if (!isAbsolute(folder)) return false;
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return false;
    if (at === dirname(at)) return true;
  }
}

// Compiling at each start takes a fifth of most commands. Whoever can write the cache decides what
// runs, so it lies where only this user can: not in a shared temporary folder, and not in the home
// of another, which sudo may leave in the environment.
function ownCache() {
  const { HOME, XDG_CACHE_HOME } = process.env;
  const parent = XDG_CACHE_HOME && isOutside(XDG_CACHE_HOME) ? XDG_CACHE_HOME : HOME && join(HOME, '.cache');
  if (!parent || !isAbsolute(parent)) return undefined;
  const ours = join(parent, 'fairlead');
  const cache = join(ours, 'compiled');
  const isOwn = (folder) => {
    const { uid, mode } = statSync(folder);
    return uid === process.geteuid?.() && (mode & 0o022) === 0;
  };
  try {
    if (!isOwn(dirname(parent)) || (existsSync(parent) && !isOwn(parent))) return undefined;
    mkdirSync(cache, { recursive: true, mode: 0o700 }); // the umask may let a group write that many are in
    return isOwn(ours) && isOwn(cache) ? cache : undefined;
  } catch {
    return undefined; // a home that is not there, or not to be looked into or written, has no cache
  }
}
