/**
 * Starts the self-contained executable. Node's single executable application runs one script that
 * can require only Node's own modules: this one, which loads the files of the bundle from the
 * executable's assets.
 */
import { getAssetKeys, getRawAsset } from 'node:sea';
import { Script } from 'node:vm';

type Require = (id: string) => unknown;
type Load = (exports: object, require: Require, module: { readonly exports: object }) => void;

const assets = new Set(getAssetKeys());
const loaded = new Map<string, { readonly exports: object }>();

/**
 * Returns a file of the bundle or a module of Node. Others are not looked for: a directory above
 * the executable, such as /tmp, could contain a node_modules that another user wrote.
 */
function requireBundled(id: string): unknown {
  if (id.startsWith('./')) return load(id.slice('./'.length));
  const module = process.getBuiltinModule(id);
  if (module === undefined) throw new Error(`the executable does not contain the module ${id}`);
  return module;
}

/** Runs a file of the bundle, once, and returns its exports. */
function load(name: string): object {
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  loaded.set(name, module);
  // The files are ASCII, each a function expression (tools/release/executable.ts).
  const source = Buffer.from(getRawAsset(name)).latin1Slice();
  const script = new Script(source, { filename: `fairlead:${name}`, ...compiled(name) });
  (script.runInThisContext() as Load)(module.exports, requireBundled, module);
  return module.exports;
}

/** Returns the code of a file that was compiled by the build, if the executable contains it. */
function compiled(name: string): { cachedData?: Buffer } {
  const key = `compiled/${name}`;
  return assets.has(key) ? { cachedData: Buffer.from(getRawAsset(key)) } : {};
}

const { main } = load('main.js') as { main: (args: readonly string[], invokedAs: string) => Promise<never> };
void main(process.argv.slice(2), process.argv0);
