import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { type BuildOptions, build, type Plugin, transform } from 'esbuild';
import { readManifestFiles } from '#operator/manifests/manifest-files';
import manifest from '../package.json' with { type: 'json' };

const root = join(import.meta.dirname, '..');

/** A bundle: entries and the parts that they share. */
export interface Bundle {
  /** The files by their paths. */
  readonly files: Readonly<Record<string, BundledFile>>;
  /** The directories of the packages of npm that it contains, from the root, sorted. */
  readonly packages: readonly string[];
}

export interface BundledFile {
  readonly text: string;
  /** The paths of files that it imports, at once or when they are needed. */
  readonly imports: readonly string[];
  /** The source of a file that is an entry or is loaded when it is needed. */
  readonly entry?: string | undefined;
  /** Set if most of it is packages of npm. */
  readonly foreign: boolean;
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
  const { files, packages } = await bundle({
    entryPoints: ['cli/main.ts'],
    define: {
      fairleadBuild: JSON.stringify(buildInformation),
      fairleadManifests: JSON.stringify(readManifestFiles(join(root, 'deploy/operator'))),
      // Where a source is, which only a checkout has.
      'import.meta.dirname': '""',
    },
  });
  const converted = Object.entries(files).map(async ([path, file]) => {
    const { code: text } = await transform(file.text, {
      format: 'cjs',
      platform: 'node',
      target: 'node22',
      minifyWhitespace: true,
      // Without dynamic imports, `import()` becomes `require`.
      supported: { 'dynamic-import': false },
    });
    return [path, { ...file, text }] as const;
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
  const { outputFiles, metafile } = await build({
    ...shared,
    ...options,
    plugins: [partOfUndici, partOfKubernetes, namedImports],
  });
  const outputs = outputFiles.map(({ path, text }) => {
    const name = relative(join(root, 'dist'), path);
    const output = metafile.outputs[`dist/${name}`];
    if (output === undefined) throw new Error(`esbuild describes no output dist/${name}`);
    return { name, text, output, sources: Object.keys(output.inputs) };
  });
  const packages = outputs.flatMap(({ sources }) => sources.flatMap((source) => packageDirectory(source) ?? []));
  return {
    files: Object.fromEntries(
      outputs.map(({ name, text, output: { imports, entryPoint: entry, inputs } }) => {
        const own = imports.filter(({ external }) => !external).map(({ path }) => relative('dist', path));
        return [name, { text, imports: own, entry, foreign: isForeign(inputs) }];
      }),
    ),
    packages: [...new Set(packages)].sort(),
  };
}

/** Returns whether most of an output is packages of npm, by the bytes of its sources. */
function isForeign(inputs: Readonly<Record<string, { readonly bytesInOutput: number }>>): boolean {
  const bytes = (sources: readonly string[]) =>
    sources.reduce((sum, source) => sum + (inputs[source]?.bytesInOutput ?? 0), 0);
  const all = Object.keys(inputs);
  return bytes(all.filter((source) => packageDirectory(source) !== undefined)) > bytes(all) / 2;
}

/** Returns the directory of the package that a source belongs to, if any. */
function packageDirectory(source: string): string | undefined {
  return /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(source)?.[0];
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

/**
 * Leaves out of undici what the program does not use: more than half of it, such as WebSocket,
 * mocks and Milo, a parser of HTTP that only an environment variable selects. `fetch` is for the
 * Kubernetes client, of which only the configuration is used.
 */
const partOfUndici: Plugin = {
  name: 'part-of-undici',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^undici$/ }, ({ path, resolveDir }) => ({ path, namespace: 'part', pluginData: resolveDir }));
    onLoad({ filter: /^undici$/, namespace: 'part' }, ({ pluginData: resolveDir }) => ({
      contents: `
        import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
        import api from 'undici/lib/api/index.js';
        Object.assign(Dispatcher.prototype, api);
        export { default as Agent } from 'undici/lib/dispatcher/agent.js';
        export { default as ProxyAgent } from 'undici/lib/dispatcher/proxy-agent.js';
        export const fetch = globalThis.fetch;`,
      resolveDir,
    }));
    onLoad({ filter: /\/undici\/lib\/milo\/[^/]*\.js$/ }, () => ({
      contents: "throw new Error('this program does not contain the parser Milo: unset UNDICI_USE_MILO')",
    }));
  },
};

/**
 * Leaves out of the Kubernetes client what the program does not use: its modules for all APIs,
 * which only define classes, but do not state that they have no other effect. The configuration is
 * used.
 */
const partOfKubernetes: Plugin = {
  name: 'part-of-kubernetes',
  setup({ onResolve, resolve }) {
    const client = /@kubernetes\/client-node\b/;
    onResolve(
      { filter: /^@kubernetes\/client-node$|^\./ },
      async ({ path, importer, kind, pluginData, resolveDir }) => {
        if (pluginData === client || !(client.test(path) || client.test(importer))) return undefined;
        const resolved = await resolve(path, { importer, kind, resolveDir, pluginData: client });
        return { ...resolved, sideEffects: false };
      },
    );
  },
};
