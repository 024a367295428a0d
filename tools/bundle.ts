import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type BuildOptions, build, type Plugin, transform } from 'esbuild';
import manifest from '../package.json' with { type: 'json' };

const root = join(import.meta.dirname, '..');

/** A bundle: entries and the parts that they share. */
export interface Bundle {
  /** The text of each file by its path. */
  readonly files: Readonly<Record<string, string>>;
  /** The files that each file imports, sooner or later. */
  readonly imports: Readonly<Record<string, readonly string[]>>;
  /** The source that each file stands for, if other files import it by itself: `cli/commands/push.ts`. */
  readonly entries: Readonly<Record<string, string>>;
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
  // The packages' licenses are published beside it (tools/licenses.ts).
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
  const bundled = await bundle({
    entryPoints: ['cli/main.ts'],
    define: { fairleadBuild: JSON.stringify(buildInformation) },
  });
  const converted = Object.entries(bundled.files).map(async ([name, text]) => {
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
  return { ...bundled, files: Object.fromEntries(await Promise.all(converted)) };
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
  const outputs = Object.entries(metafile.outputs).map(
    ([path, output]) => [path.slice('dist/'.length), output] as const,
  );
  const inputs = outputs.flatMap(([, output]) => Object.keys(output.inputs));
  const packages = inputs.flatMap((path) => /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return {
    files: Object.fromEntries(outputFiles.map(({ path, text }) => [path.slice(join(root, 'dist/').length), text])),
    imports: Object.fromEntries(
      outputs.map(([path, output]) => [
        path,
        output.imports.flatMap(({ path: imported, external }) => (external ? [] : [imported.slice('dist/'.length)])),
      ]),
    ),
    entries: Object.fromEntries(outputs.flatMap(([path, { entryPoint }]) => (entryPoint ? [[path, entryPoint]] : []))),
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
