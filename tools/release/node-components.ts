/** A part of Node that has a version of its own. */
export interface NodeComponent {
  readonly name: string;
  readonly version: string;
  /** Package URL without the version. */
  readonly purl: string;
  /** SPDX identifier; undefined for a part that is not known here. */
  readonly license?: string;
  /** Vendor and product of its CPE, by which vulnerability databases name it. */
  readonly cpe?: string;
}

type Known = Omit<NodeComponent, 'version'>;

const npm = (name: string, license = 'MIT'): Known => ({ name, purl: `pkg:npm/${name}`, license });
const github = (name: string, repository: string, license: string, cpe?: string): Known => ({
  name,
  purl: `pkg:github/${repository}`,
  license,
  ...(cpe === undefined ? {} : { cpe }),
});

/** By their names in `process.versions`. Licenses are those in Node's LICENSE. */
const known: Readonly<Record<string, Known>> = {
  acorn: npm('acorn'),
  ada: github('ada', 'ada-url/ada', 'MIT'),
  amaro: npm('amaro'),
  ares: github('c-ares', 'c-ares/c-ares', 'MIT', 'c-ares:c-ares'),
  brotli: github('brotli', 'google/brotli', 'MIT', 'google:brotli'),
  icu: github('icu', 'unicode-org/icu', 'Unicode-3.0', 'icu-project:international_components_for_unicode'),
  llhttp: github('llhttp', 'nodejs/llhttp', 'MIT', 'llhttp:llhttp'),
  merve: github('merve', 'anonrig/merve', 'MIT'),
  nbytes: github('nbytes', 'nodejs/nbytes', 'MIT'),
  ncrypto: github('ncrypto', 'nodejs/ncrypto', 'MIT'),
  nghttp2: github('nghttp2', 'nghttp2/nghttp2', 'MIT', 'nghttp2:nghttp2'),
  nghttp3: github('nghttp3', 'ngtcp2/nghttp3', 'MIT'),
  ngtcp2: github('ngtcp2', 'ngtcp2/ngtcp2', 'MIT'),
  openssl: github('openssl', 'openssl/openssl', 'Apache-2.0', 'openssl:openssl'),
  simdjson: github('simdjson', 'simdjson/simdjson', 'Apache-2.0'),
  simdutf: github('simdutf', 'simdutf/simdutf', 'MIT'),
  sqlite: github('sqlite', 'sqlite/sqlite', 'blessing', 'sqlite:sqlite'),
  undici: { ...npm('undici'), cpe: 'nodejs:undici' },
  uv: github('libuv', 'libuv/libuv', 'MIT', 'libuv:libuv'),
  uvwasi: github('uvwasi', 'nodejs/uvwasi', 'MIT'),
  v8: github('v8', 'v8/v8', 'BSD-3-Clause', 'google:v8'),
  zlib: github('zlib', 'madler/zlib', 'Zlib', 'zlib:zlib'),
  zstd: github('zstd', 'facebook/zstd', 'BSD-3-Clause', 'facebook:zstandard'),
};

/** Node itself, versions of interfaces, and the versions of data in ICU. */
const noComponents: ReadonlySet<string> = new Set(['node', 'modules', 'napi', 'cldr', 'tz', 'unicode']);

/**
 * Returns the parts of a Node by its `process.versions`, sorted by name. A part that a newer Node
 * has is not left out, though its origin is not known. A part without a version is not in this
 * Node.
 */
export function nodeComponents(versions: Readonly<Record<string, string | undefined>>): readonly NodeComponent[] {
  return Object.entries(versions)
    .flatMap(([key, version]) => {
      if (noComponents.has(key) || version === undefined || version === '') return [];
      const { [key]: component = { name: key, purl: `pkg:generic/${encodeURIComponent(key)}` } } = known;
      return [{ ...component, version }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
