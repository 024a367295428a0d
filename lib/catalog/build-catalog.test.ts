import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { type PackOptions, packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { readProfile } from '#lib/profile/read-profile';
import { type Descriptor, emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { memoryRepository } from '#lib/registry/memory';
import { formatRepository, parseReference, type Reference } from '#lib/registry/reference';
import type { Repository } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { signerPolicy } from '#lib/trust/policy/key-policy';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { packSignature } from '#lib/trust/signature/pack-signature';
import { type BuildCatalogDependencies, type BuiltCatalog, buildCatalog } from './build-catalog.ts';
import { entriesOf, readCatalog } from './read-catalog.ts';
import type { CatalogSources } from './sources.ts';

const catalog = parseReference('registry.test/security/catalog:latest');

let signer: KeySigner;
let stranger: KeySigner;
before(async () => {
  const key = async () => keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
  [signer, stranger] = await Promise.all([key(), key()]);
});

/** Registries in memory. */
class Registries {
  readonly #repositories = new Map<string, Repository>();
  /** What was fetched, by digest. */
  readonly fetched: string[] = [];
  /** What was written: digests and tags. */
  readonly written: string[] = [];
  /** The repository that does not answer. */
  down = '';

  readonly connect = (reference: Pick<Reference, 'registry' | 'repository'>): Repository => {
    const name = formatRepository(reference);
    const memory = this.#repositories.get(name) ?? memoryRepository(name);
    this.#repositories.set(name, memory);
    return {
      ...memory,
      fetch: async (descriptor, options) => {
        this.fetched.push(descriptor.digest);
        return memory.fetch(descriptor, options);
      },
      push: async (descriptor, content, options) => {
        if (!(await memory.exists(descriptor))) this.written.push(descriptor.digest);
        return memory.push(descriptor, content, options);
      },
      tag: async (descriptor, tag, options) => {
        this.written.push(tag);
        return memory.tag(descriptor, tag, options);
      },
      resolve: async (name_, options) => {
        if (name === this.down) throw new FairleadError('Unavailable', `${name} does not answer`);
        return memory.resolve(name_, options);
      },
    };
  };

  readonly list = async function* (this: Registries, registry: string): AsyncGenerator<string> {
    for (const name of this.#repositories.keys()) {
      if (name.startsWith(`${registry}/`)) yield name.slice(registry.length + 1);
    }
  }.bind(this);

  /** Publishes a profile that allows one call; each call gives another digest. */
  async publish(
    reference: string,
    call: string,
    { by = signer, ...options }: Partial<PackOptions> & { readonly by?: KeySigner | null } = {},
  ): Promise<Descriptor> {
    const json = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: [call], action: 'SCMP_ACT_ALLOW' }] };
    const profile = readProfile(Buffer.from(JSON.stringify(json)));
    assert(profile.kind === 'Seccomp');
    const artifact = packArtifact(profile, { layout: 'runtime', ...options });
    const { descriptor } = artifact;
    const signature = by === null ? undefined : packSignature(descriptor, await signArtifact(descriptor, by));
    const parsed = parseReference(reference);
    await pushArtifact(this.connect(parsed), artifact, signature, parsed.tag);
    return descriptor;
  }
}

const everything: CatalogSources = { registries: ['registry.test'], prefixes: [], repositories: [], images: [] };

describe('buildCatalog', () => {
  let registries: Registries;
  let minute = 0;
  beforeEach(() => {
    registries = new Registries();
    minute = 0;
  });
  const policy = () => ({
    ...signerPolicy({ key: 'a.pub', publicKey: signer.key.publicKey }),
    limits: defaultPublicationLimits,
  });
  const build = (
    sources: Partial<CatalogSources> = everything,
    change: Partial<BuildCatalogDependencies> & { readonly full?: boolean; readonly reference?: Reference } = {},
  ): Promise<BuiltCatalog> => {
    const { full, reference = catalog, ...dependencies } = change;
    return buildCatalog(
      { reference, full, sources: { registries: [], prefixes: [], repositories: [], images: [], ...sources } },
      {
        policy: policy(),
        signer,
        connect: registries.connect,
        listRepositories: registries.list,
        clock: () => new Date(Date.UTC(2026, 10, 30, 0, minute++)),
        ...dependencies,
      },
    );
  };
  const read = () => readCatalog(catalog, { policy: policy(), connect: registries.connect });
  const refusals = ({ refused }: BuiltCatalog): string[] =>
    refused.map(({ reference, error }) => `${formatRepository(reference)} ${error.kind}`).sort();

  it('has each profile of a registry, with its tags, signer and calls', async () => {
    const first = await registries.publish('registry.test/acme/nginx:1.0.0', 'read', {
      annotations: {
        'dev.fairlead.profile.images': 'docker.io/library/nginx, docker.io/library/nginx:1.27, not an image',
        'dev.fairlead.profile.summary': 'For nginx.',
      },
      created: new Date(0),
    });
    await registries.connect(parseReference('registry.test/acme/nginx')).tag(first, 'latest');
    await registries.publish('registry.test/acme/redis:7.4.0', 'write');
    const built = await build();
    assert.deepEqual([built.isChanged, built.read, built.shards.written], [true, 2, built.shards.total]);
    const entries = entriesOf(await read());
    assert.equal(entries.length, 2);
    const nginx = entries.find(({ repository }) => repository === 'acme/nginx');
    const { annotations, ...rest } = nginx ?? assert.fail();
    assert.deepEqual(rest, {
      registry: 'registry.test',
      repository: 'acme/nginx',
      descriptor: first,
      kind: 'Seccomp',
      tags: ['1.0.0', 'latest'],
      architectures: [],
      signers: [{ key: signer.key.publicKey.fingerprint }],
      calls: { allowed: 1, baseline: 352, asked: 0 },
      summary: 'For nginx.',
      images: ['docker.io/library/nginx'],
      created: '1970-01-01T00:00:00.000Z',
    });
    assert.equal(annotations['dev.fairlead.profile.kind'], 'Seccomp');
  });

  it('takes prefixes, repositories, and what is attached to images', async () => {
    await registries.publish('registry.test/acme/a:1', 'read');
    await registries.publish('registry.test/acme-other/b:1', 'read');
    await registries.publish('ghcr.io/acme/c:1', 'read');
    const web = parseReference('registry.test/images/web:1');
    const image = registries.connect(web);
    const config = { mediaType: mediaTypes.emptyConfig, digest: digestOf(emptyConfigBytes), size: 2 };
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [] }));
    const subject = { mediaType: mediaTypes.manifest, digest: digestOf(bytes), size: bytes.length };
    await image.push(config, emptyConfigBytes);
    await image.push(subject, bytes);
    await image.tag(subject, '1');
    await registries.publish('registry.test/images/web', 'write', { subject });
    const built = await build({
      prefixes: ['registry.test/acme/'],
      repositories: ['ghcr.io/acme/c'],
      images: [web],
    });
    assert.deepEqual(built.entries.map(formatRepository), [
      'ghcr.io/acme/c',
      'registry.test/acme/a',
      'registry.test/images/web',
    ]);
    const attached = built.entries[2];
    assert.deepEqual([attached?.subject, attached?.images], [subject.digest, ['registry.test/images/web']]);
    assert.deepEqual(
      entriesOf(await read())
        .map(formatRepository)
        .sort(),
      built.entries.map(formatRepository),
    );
  });

  it('leaves out what the policy refuses, with the reason, and counts what is not a profile', async () => {
    await registries.publish('registry.test/a/good:1', 'read');
    await registries.publish('registry.test/a/unsigned:1', 'read', { by: null });
    await registries.publish('registry.test/a/stranger:1', 'read', { by: stranger });
    const [rule] = policy().rules;
    const rules = [{ ...(rule ?? assert.fail()), match: 'registry.test/a/**' }];
    await registries.publish('registry.test/b/other:1', 'read');
    // Nothing is requested from a repository that no rule covers.
    registries.down = 'registry.test/b/other';
    const built = await build(everything, {
      policy: { ...policy(), rules },
    });
    assert.deepEqual(built.entries.map(formatRepository), ['registry.test/a/good']);
    assert.deepEqual(refusals(built), [
      'registry.test/a/stranger SignatureInvalid',
      'registry.test/a/unsigned SignatureInvalid',
      'registry.test/b/other NotAllowed',
    ]);
    const unsigned = built.refused.find(({ reference: { repository } }) => repository === 'a/unsigned');
    assert.equal(unsigned?.reference.tag, '1');
  });

  it('counts the manifest of an image, and does not refuse it', async () => {
    const image = registries.connect(parseReference('registry.test/acme/web'));
    const config = {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: digestOf(emptyConfigBytes),
      size: 2,
    };
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [] }));
    const descriptor = { mediaType: mediaTypes.manifest, digest: digestOf(bytes), size: bytes.length };
    await image.push(config, emptyConfigBytes);
    await image.push(descriptor, bytes);
    await image.tag(descriptor, '1');
    const { skipped, refused, entries } = await build();
    assert.deepEqual([skipped, refused, entries], [1, [], []]);
  });

  it('changes nothing if the registry of the catalog fails', async () => {
    await registries.publish('registry.test/a/one:1', 'read');
    await build();
    const { length } = registries.written;
    registries.down = formatRepository(catalog);
    await assert.rejects(build(), { kind: 'Unavailable' });
    assert.equal(registries.written.length, length);
  });

  it('changes nothing if a registry fails', async () => {
    await registries.publish('registry.test/a/one:1', 'read');
    const { reference } = await build();
    await registries.publish('registry.test/a/two:1', 'write');
    registries.down = 'registry.test/a/two';
    await assert.rejects(build(), { kind: 'Unavailable' });
    assert.equal((await read()).reference.digest, reference.digest);
  });

  it('writes nothing if nothing changed', async () => {
    await registries.publish('registry.test/a/one:1', 'read');
    const first = await build();
    registries.written.length = 0;
    const second = await build();
    assert.deepEqual([second.isChanged, second.read, second.reference], [false, 0, first.reference]);
    assert.deepEqual(registries.written, []);
    const unsigned = { signer: undefined, reference: { ...catalog, tag: 'unsigned' } };
    await build(everything, unsigned);
    const again = await build(everything, unsigned);
    // Anyone may have written an unsigned catalog: everything is read.
    assert.deepEqual([again.isChanged, again.read], [false, 1]);
  });

  it('reads only what is new, writes only the shard that changed, and the tag last', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await registries.publish(`registry.test/p/${name}:1.0.0`, 'read');
    await build();
    const descriptor = await registries.publish('registry.test/p/c:1.1.0', 'write');
    registries.written.length = 0;
    registries.fetched.length = 0;
    const built = await build();
    assert.deepEqual([built.read, built.shards.written], [1, 1]);
    assert.deepEqual(
      built.diff.added.map((entry) => entry.descriptor.digest),
      [descriptor.digest],
    );
    assert.equal(registries.written.at(-1), 'latest');
    assert.equal(registries.written.indexOf('latest'), registries.written.length - 1);
    assert.equal(entriesOf(await read()).length, 6);
  });

  it('takes nothing from a catalog that another signer signed', async () => {
    await registries.publish('registry.test/a/one:1', 'read');
    await build(everything, { signer: stranger });
    const built = await build();
    assert.equal(built.read, 1);
    assert.equal(built.previousProblem?.kind, 'SignatureInvalid');
    assert.equal((await build()).read, 0);
  });

  it('verifies all signatures again under another policy, and if asked to', async () => {
    await registries.publish('registry.test/a/one:1', 'read');
    await build();
    assert.equal((await build(everything, { full: true })).read, 1);
    const both = signerPolicy({ key: 'b.pub', publicKey: stranger.key.publicKey });
    const built = await build(everything, { policy: { ...both, limits: defaultPublicationLimits } });
    assert.deepEqual([built.read, built.entries.length, built.isChanged], [1, 0, true]);
  });

  it('does not believe a list of referrers, nor reads tags that stand for a digest', async () => {
    const own = await registries.publish('registry.test/a/one:1', 'read');
    const image = parseReference('registry.test/a/one:1');
    await registries.connect(image).tag(own, `sha256-${'0'.repeat(64)}`);
    const built = await build(
      { images: [image], registries: ['registry.test'] },
      {
        connect: (reference) => ({
          ...registries.connect(reference),
          referrers: async (subject, options) =>
            options?.artifactType === undefined && subject.digest === own.digest
              ? [own, ...(await registries.connect(reference).referrers(subject, options))]
              : registries.connect(reference).referrers(subject, options),
        }),
      },
    );
    assert.deepEqual(built.entries, []);
    assert.match(
      built.refused[0]?.error.message ?? '',
      /is listed as a referrer of .*, but its manifest names no subject/,
    );
    const [only] = (await build()).entries;
    assert.deepEqual(only?.tags, ['1']);
  });

  it('lists of an artifact with thousands of tags those of the newest versions', async () => {
    const descriptor = await registries.publish('registry.test/a/one:1.0.0', 'read');
    const repository = registries.connect(parseReference('registry.test/a/one'));
    for (let patch = 1; patch <= 1500; patch++) await repository.tag(descriptor, `1.0.${patch}`);
    await build();
    const [entry] = entriesOf(await read());
    assert.deepEqual([entry?.tags.length, entry?.tags[0], entry?.tags.at(-1)], [1000, '1.0.1500', '1.0.501']);
    assert.equal((await build()).isChanged, false);
  });

  it('leaves out a repository whose entries fill more than a shard, and has all others', async () => {
    await registries.publish('registry.test/a/one:1', 'read');
    const annotations = Object.fromEntries(Array.from({ length: 32 }, (_, at) => [`a${at}`, '\u0001'.repeat(300)]));
    for (let version = 0; version < 180; version++) {
      await registries.publish(`registry.test/a/large:${version}`, 'read', {
        annotations,
        created: new Date(version * 1000),
      });
    }
    const built = await build();
    assert.deepEqual(built.entries.map(formatRepository), ['registry.test/a/one']);
    assert.deepEqual(refusals(built), ['registry.test/a/large LimitExceeded']);
    assert.deepEqual(entriesOf(await read()).map(formatRepository), ['registry.test/a/one']);
  });

  it('does not list itself', async () => {
    await registries.publish('registry.test/a/one:1', 'read');
    await build();
    const built = await build({ ...everything, repositories: [formatRepository(catalog)] });
    assert.deepEqual([built.skipped, built.refused], [0, []]);
  });

  it('returns the same catalog if it is built in steps', async () => {
    const step = fc.record({
      repository: fc.constantFrom('a', 'b', 'c'),
      tag: fc.constantFrom('1.0.0', '1.1.0', 'latest'),
      call: fc.constantFrom('read', 'write', 'open'),
      signed: fc.boolean(),
      builds: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        registries = new Registries();
        for (const { repository, tag, call, signed, builds } of steps) {
          await registries.publish(`registry.test/p/${repository}:${tag}`, call, signed ? {} : { by: null });
          if (builds) await build();
        }
        await build();
        const inSteps = await read();
        const atOnce = await build(everything, { reference: { ...catalog, tag: 'fresh' } });
        assert.deepEqual(
          entriesOf(inSteps)
            .map((entry) => JSON.stringify(entry))
            .sort(),
          atOnce.entries.map((entry) => JSON.stringify(entry)).sort(),
        );
        const fresh = await readCatalog(
          { ...catalog, tag: 'fresh' },
          { policy: policy(), connect: registries.connect },
        );
        assert.deepEqual(
          inSteps.shards.map(({ descriptor }) => descriptor.digest).sort(),
          fresh.shards.map(({ descriptor }) => descriptor.digest).sort(),
        );
      }),
      { numRuns: 30 },
    );
  });
});
