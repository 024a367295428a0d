import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type BuildOptions, build, type Plugin, transform } from 'esbuild';
import manifest from '../package.json' with { type: 'json' };

const root = join(import.meta.dirname, '..');

/** A bundle: entries and the parts that they share. */
export interface Bundle {
  /** The text of each file by its path. */
  readonly files: Readonly<Record<string, string>>;
  /** The directories of the packages of npm that it contains, from the root, sorted. */
  readonly packages: readonly string[];
}

const shared = {
  absWorkingDir: root,
  outdir: 'dist',
  bundle: true,
  write: false,
  metafile: true,
  format: 'esm',
  // Each command loads what it needs, as the sources do.
  splitting: true,
  platform: 'node',
  target: 'node22',
  // Of packages that contain both, the modules are smaller: what is not used is left out.
  mainFields: ['module', 'main'],
  // Names stay, since the stack of an error must name what the sources name.
  minifySyntax: true,
  minifyWhitespace: true,
  // The packages' licences are published beside it (tools/licences.ts).
  legalComments: 'none',
  charset: 'ascii',
  logLevel: 'warning',
} as const satisfies BuildOptions;

/**
 * Bundles the program with all packages that it needs, as CommonJS: `main.js` exports `run`. Node
 * loads that faster than modules, and an executable can load nothing else.
 *
 * @param build what `buildInformation` returns in this bundle, without the version
 */
export async function bundleProgram(buildInformation: object): Promise<Bundle> {
  const { files, packages } = await bundle({
    entryPoints: ['cli/main.ts'],
    define: { fairleadBuild: JSON.stringify(buildInformation) },
  });
  const converted = Object.entries(files).map(async ([name, text]) => {
    // Without dynamic imports, `import()` becomes `require`.
    const supported = { 'dynamic-import': false };
    const { code } = await transform(text, {
      format: 'cjs',
      platform: 'node',
      target: 'node22',
      minifyWhitespace: true,
      supported,
    });
    return [name, code] as const;
  });
  return { files: Object.fromEntries(await Promise.all(converted)), packages };
}

/**
 * Bundles the library as modules: one file for each entry of package.json, named as its source
 * (`registry/index.js`), and the parts that they share.
 */
export function bundleLibrary(): Promise<Bundle> {
  const entries = Object.values(manifest.exports).filter((entry) => typeof entry !== 'string');
  return bundle({
    entryPoints: entries.map((entry) => entry.default.replace('./dist/', '').replace(/js$/, 'ts')),
    outbase: 'lib',
    chunkNames: 'shared/[name]-[hash]',
    // The types of the library are made of the types of these.
    external: Object.keys(manifest.dependencies),
    // Packages that are CommonJS need it.
    banner: { js: "import{createRequire as nodeRequire}from'node:module';const require=nodeRequire(import.meta.url);" },
  });
}

async function bundle(
  options: Pick<BuildOptions, 'banner' | 'chunkNames' | 'define' | 'entryPoints' | 'external' | 'outbase'>,
): Promise<Bundle> {
  const { outputFiles, metafile } = await build({ ...shared, ...options, plugins: [namedImports] });
  const inputs = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
  const packages = inputs.flatMap((path) => /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return {
    files: Object.fromEntries(outputFiles.map(({ path, text }) => [path.slice(join(root, 'dist/').length), text])),
    packages: [...new Set(packages)].sort(),
  };
}

/**
 * Gives `await import('a-commonjs-package')` the names that Node gives it. If it splits a bundle,
 * esbuild exports only `default` from such a package.
 */
const namedImports: Plugin = {
  name: 'named-imports',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^[^.#]/ }, ({ kind, path, namespace, resolveDir }) => {
      if (kind !== 'dynamic-import' || namespace === 'named' || /^node:|\.json$/.test(path)) return undefined;
      return { path, namespace: 'named', pluginData: resolveDir };
    });
    onLoad({ filter: /.*/, namespace: 'named' }, async ({ path, pluginData: resolveDir }) => {
      const names = Object.keys(await import(createRequire(join(resolveDir, 'any.js')).resolve(path)));
      const identifiers = names.filter((name) => /^[\p{L}$_][\p{L}\p{N}$_]*$/u.test(name));
      return { contents: `export { ${identifiers.join(', ')} } from ${JSON.stringify(path)};`, resolveDir };
    });
  },
};
