#!/usr/bin/env node
// Plain JavaScript that any Node since 14 can parse: it must be able to say that the Node is too old.
import { existsSync } from 'node:fs';
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
// Stripping types at each start would cost more than most commands. The cache lies inside the checkout, because
// whoever can write it decides what runs: a shared temporary folder would not do.
if (inCheckout) enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/fairlead', import.meta.url)));
const main = inCheckout ? source : new URL('../dist/cli/main.js', import.meta.url);
const { run } = await import(main.href);
process.exitCode = await run(process.argv.slice(2));
