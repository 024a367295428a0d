import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ErrorKind, FairleadError } from '#lib/errors';
import type { Profile } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import { renderProfile } from '#lib/profile/render-profile';
import { type Descriptor, emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { memoryRepository } from '#lib/registry/memory';
import type { Target } from '#lib/registry/target';
import type { Artifact, Blob, ProfileArtifact } from './artifact.ts';
import { assembleArtifact, blob } from './assemble-artifact.ts';
import { fetchArtifact } from './fetch-artifact.ts';
import { type PackOptions, packArtifact } from './pack-artifact.ts';
import { profileContent } from './profile-content.ts';
import { pushArtifact } from './push-artifact.ts';
import { unpackArtifact } from './unpack-artifact.ts';

const seccompType = 'application/vnd.cncf.seccomp-profile.config.v1+json';
const text = `{"defaultAction": "SCMP_ACT_ERRNO",   "architectures": ["SCMP_ARCH_X86_64","SCMP_ARCH_AARCH64"],
  "syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"}, {"names": ["ptrace"], "action": "SCMP_ACT_LOG"}]}`;
const content = new TextEncoder().encode(text);
const profile = readProfile(content);
const limits = { artifactBytes: 1024 * 1024 };

function pack(options: Partial<PackOptions> = {}): ProfileArtifact {
  return packArtifact(profile, { layout: 'runtime', title: 'nginx.json', content, ...options });
}

/** An artifact with another manifest around the same layer. */
function variant(changes: Partial<Artifact['manifest']>, config: Blob = blob(seccompType, emptyConfigBytes)): Artifact {
  const layer = blob('application/json', content);
  const { artifactType = undefined, ...rest } = changes;
  return assembleArtifact(
    {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      ...(artifactType === undefined ? {} : { artifactType }),
      config: config.descriptor,
      layers: [layer.descriptor],
      ...rest,
    },
    [config, layer],
  );
}

async function holding(artifact: Artifact): Promise<Target> {
  const target = memoryRepository();
  await pushArtifact(target, artifact, undefined, undefined);
  return target;
}

function failing(kind: ErrorKind, message: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof FairleadError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, message);
    return true;
  };
}

describe('packArtifact', () => {
  it('writes the runtime layout, with the bytes as they were written', () => {
    const artifact = pack({ annotations: { 'org.opencontainers.image.source': 'https://example.com/nginx' } });
    assert.deepEqual(artifact.manifest, {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      artifactType: seccompType,
      config: { mediaType: seccompType, digest: digestOf(emptyConfigBytes), size: 2 },
      layers: [
        {
          mediaType: 'application/json',
          digest: digestOf(content),
          size: content.length,
          annotations: { 'org.opencontainers.image.title': 'nginx.json' },
        },
      ],
      annotations: {
        'dev.fairlead.profile.architectures': 'SCMP_ARCH_X86_64,SCMP_ARCH_AARCH64',
        'dev.fairlead.profile.kind': 'Seccomp',
        'dev.fairlead.profile.name': 'nginx',
        'dev.fairlead.profile.summary': 'default errno, allow for 2 syscalls, log for 1 syscall',
        'org.opencontainers.image.source': 'https://example.com/nginx',
      },
    });
    assert.equal(artifact.descriptor.digest, digestOf(artifact.manifestBytes));
    assert.deepEqual(JSON.parse(Buffer.from(artifact.manifestBytes).toString()), artifact.manifest);
    assert.deepEqual(profileContent(artifact), content);
  });

  it('returns the same digest for the same input, in any order of the annotations', () => {
    const digest = pack({ annotations: { a: '1', b: '2' } }).descriptor.digest;
    assert.equal(pack({ annotations: { b: '2', a: '1' } }).descriptor.digest, digest);
    assert.notEqual(pack({ annotations: { a: '1' } }).descriptor.digest, digest);
    assert.notEqual(pack({ title: 'other.json' }).descriptor.digest, digest);
    // A published digest stays the same: a change of the layout changes every published digest.
    assert.equal(pack().descriptor.digest, 'sha256:97fa525103712d8cc64f50e965ced0432854827d5abd8ef21387a232cbd8f4c0');
  });

  it('writes a time only if one is given', () => {
    const created = new Date('2026-01-02T03:04:05Z');
    assert.equal(
      pack({ created }).manifest.annotations?.['org.opencontainers.image.created'],
      '2026-01-02T03:04:05.000Z',
    );
    assert.equal(pack().manifest.annotations?.['org.opencontainers.image.created'], undefined);
  });

  it('renders the profile if no bytes are given', () => {
    const artifact = packArtifact(profile, { layout: 'runtime' });
    assert.deepEqual(profileContent(artifact), renderProfile(profile));
    assert.deepEqual(unpackArtifact(artifact, 'Seccomp'), profile);
    assert.equal(artifact.manifest.layers[0]?.annotations?.['org.opencontainers.image.title'], 'profile.json');
  });

  it('lets the publisher name and describe the profile, but not contradict it', () => {
    const annotations = { 'dev.fairlead.profile.name': 'edge', 'dev.fairlead.profile.summary': 'For the edge.' };
    const packed = pack({ annotations }).manifest.annotations;
    assert.equal(packed?.['dev.fairlead.profile.name'], 'edge');
    assert.equal(packed?.['dev.fairlead.profile.summary'], 'For the edge.');
    for (const [key, value] of [
      ['dev.fairlead.profile.kind', 'AppArmor'],
      ['dev.fairlead.profile.architectures', 'SCMP_ARCH_ARM'],
    ] as const) {
      assert.throws(() => pack({ annotations: { [key]: value } }), failing('InvalidInput', new RegExp(key)));
    }
    const native: Profile = { kind: 'Seccomp', seccomp: { defaultAction: 'SCMP_ACT_ALLOW' } };
    assert.throws(
      () =>
        packArtifact(native, {
          layout: 'runtime',
          annotations: { 'dev.fairlead.profile.architectures': 'SCMP_ARCH_ARM' },
        }),
      failing('InvalidInput', /but the profile has none/),
    );
  });

  it('refuses titles that are not file names, and annotations out of bounds', () => {
    for (const title of ['', '.', '..', '../a', 'a/b', 'a\\b', 'a\u0000b', 'a\nb', 'x'.repeat(256)]) {
      assert.throws(() => pack({ title }), failing('InvalidInput', /invalid file name/));
    }
    assert.equal(pack({ title: '.json' }).manifest.annotations?.['dev.fairlead.profile.name'], '.json');
    assert.throws(() => pack({ annotations: { 'a b': '' } }), failing('InvalidInput', /invalid annotation key/));
    // The rest of the manifest counts: readers accept 64 KiB in all.
    for (const length of [70_000, 64 * 1024 - 600]) {
      assert.throws(() => pack({ annotations: { a: 'x'.repeat(length) } }), failing('LimitExceeded', /64 KiB/));
    }
  });
});

describe('pushArtifact', () => {
  it('sends blobs, manifest, signature and then the tag', async () => {
    const target = memoryRepository();
    const log: string[] = [];
    const artifact = pack();
    const signature = variant(
      { subject: artifact.descriptor, artifactType: 'application/x' },
      blob(mediaTypes.emptyConfig, emptyConfigBytes),
    );
    const names = new Map<string, string>([
      [artifact.descriptor.digest, 'manifest'],
      [signature.descriptor.digest, 'signature'],
    ]);
    const logged: Target = {
      ...target,
      push: async (descriptor, bytes) => {
        await target.push(descriptor, bytes);
        log.push(names.get(descriptor.digest) ?? 'blob');
      },
      tag: async (descriptor, tag) => {
        await target.tag(descriptor, tag);
        log.push(`tag ${tag}`);
      },
    };
    await pushArtifact(logged, artifact, signature, 'v1');
    assert.deepEqual(log, ['blob', 'blob', 'manifest', 'blob', 'blob', 'signature', 'tag v1']);
    assert.equal((await target.resolve('v1')).digest, artifact.descriptor.digest);
  });

  it('tags nothing if the signature cannot be sent', async () => {
    const target = memoryRepository();
    const artifact = pack();
    const signature = variant({ subject: artifact.descriptor });
    const failingTarget: Target = {
      ...target,
      push: async (descriptor, bytes) => {
        if (descriptor.digest === signature.descriptor.digest) throw new FairleadError('Unavailable', 'gone');
        await target.push(descriptor, bytes);
      },
    };
    await assert.rejects(pushArtifact(failingTarget, artifact, signature, 'v1'), failing('Unavailable', /gone/));
    await assert.rejects(target.resolve('v1'), failing('NotFound', /v1/));
  });
});

describe('fetchArtifact and unpackArtifact', () => {
  it('return what was pushed', async () => {
    const artifact = pack();
    const fetched = await fetchArtifact(await holding(artifact), artifact.descriptor, limits);
    assert.equal(fetched.descriptor.digest, artifact.descriptor.digest);
    assert.deepEqual(profileContent(fetched), content);
    assert.deepEqual(unpackArtifact(fetched, 'Seccomp'), profile);
    assert.deepEqual(unpackArtifact(fetched, undefined), profile);
  });

  it('read the form with the empty config and artifactType, and layers of any media type', async () => {
    const empty = blob(mediaTypes.emptyConfig, emptyConfigBytes);
    const tar = { ...blob('application/json', content).descriptor, mediaType: mediaTypes.imageLayer };
    for (const artifact of [
      variant({ artifactType: seccompType }, empty),
      variant({ artifactType: seccompType }),
      variant({ layers: [tar] }),
    ]) {
      const fetched = await fetchArtifact(await holding(artifact), artifact.descriptor, limits);
      assert.deepEqual(unpackArtifact(fetched, 'Seccomp'), profile);
    }
  });

  const empty = blob(mediaTypes.emptyConfig, emptyConfigBytes);
  const layer = blob('application/json', content).descriptor;
  for (const [name, artifact, message] of [
    ['no layer', variant({ layers: [] }), /has 0 layers: want exactly one/],
    ['two layers', variant({ layers: [layer, layer] }), /has 2 layers/],
    ['the empty config without artifactType', variant({}, empty), /its artifactType is ""/],
    [
      'the empty config with another artifactType',
      variant({ artifactType: 'application/x' }, empty),
      /its artifactType is "application\/x"/,
    ],
    [
      'an image config',
      variant({ artifactType: seccompType }, blob('application/vnd.oci.image.config.v1+json', emptyConfigBytes)),
      /its config media type is/,
    ],
    [
      'the config of early versions of other tools',
      variant({}, blob('application/vnd.unknown.config.v1+json', emptyConfigBytes)),
      /its config media type is/,
    ],
    [
      'an artifactType that differs from the config',
      variant({ artifactType: 'application/x' }),
      /its artifactType is "application\/x", and its config media type is/,
    ],
    [
      'a layer with external URLs',
      variant({ layers: [{ ...layer, urls: ['https://example.com/profile.json'] }] }),
      /layer .* has external URLs/,
    ],
    [
      'a config with external URLs',
      variant({ config: { ...blob(seccompType, emptyConfigBytes).descriptor, urls: ['https://example.com/c'] } }),
      /config .* has external URLs/,
    ],
    [
      'a manifest of more than 64 KiB',
      variant({ annotations: { a: 'x'.repeat(64 * 1024) } }),
      /manifest .* more than the 65536 allowed/,
    ],
    [
      'an oversized config',
      variant({}, blob(seccompType, new Uint8Array(70_000))),
      /config of .* more than the 65536 allowed/,
    ],
  ] as const) {
    it(`refuse ${name}, before any blob is fetched`, async () => {
      const target = await holding(artifact);
      const manifestOnly: Target = {
        ...target,
        fetch: (descriptor) => {
          assert.equal(descriptor.digest, artifact.descriptor.digest);
          return target.fetch(descriptor);
        },
      };
      await assert.rejects(
        fetchArtifact(manifestOnly, artifact.descriptor, limits),
        failing('ProfileInvalid', message),
      );
    });
  }

  it('refuse a profile over the limit by its descriptor, and one that is larger than its descriptor specifies', async () => {
    const artifact = pack();
    const target = await holding(artifact);
    await assert.rejects(
      fetchArtifact(target, artifact.descriptor, { artifactBytes: content.length - 1 }),
      failing('ProfileInvalid', new RegExp(`has ${content.length} bytes, more than the ${content.length - 1} allowed`)),
    );
    let sent = 0;
    const endless: Target = {
      ...target,
      fetch: async (descriptor) => {
        if (descriptor.digest !== digestOf(content)) return target.fetch(descriptor);
        return (async function* () {
          for (;;) {
            sent++;
            yield new Uint8Array(1024);
          }
        })();
      },
    };
    await assert.rejects(fetchArtifact(endless, artifact.descriptor, limits), FairleadError);
    assert.ok(sent < 10, `${sent} pieces taken`);
  });

  it('refuse an index, other manifests, and a manifest that is malformed or huge', async () => {
    const artifact = pack();
    const target = await holding(artifact);
    const refuse = (descriptor: Descriptor, message: RegExp): Promise<void> =>
      assert.rejects(fetchArtifact(target, descriptor, limits), failing('ProfileInvalid', message));
    await refuse({ ...artifact.descriptor, mediaType: mediaTypes.index }, /its media type is .*index/);
    await refuse({ ...artifact.descriptor, mediaType: 'text/plain' }, /its media type is text\/plain/);
    await refuse({ ...artifact.descriptor, size: 100 * 1024 * 1024 }, /manifest sha256:\w+ has 104857600 bytes/);
    const nonsense = Buffer.from('{"schemaVersion":2}');
    const lying: Target = {
      ...target,
      fetch: async () =>
        (async function* () {
          yield nonsense;
        })(),
    };
    const descriptor = { ...artifact.descriptor, digest: digestOf(nonsense), size: nonsense.length };
    await assert.rejects(fetchArtifact(lying, descriptor, limits), failing('ProfileInvalid', /is malformed: .*config/));
  });

  it('refuse a profile of another kind than was asked for', async () => {
    assert.throws(() => unpackArtifact(pack(), 'AppArmor'), failing('ProfileInvalid', /of kind Seccomp, not AppArmor/));
    const disguised = variant({}, blob('application/vnd.cncf.apparmor-profile.config.v1+json', emptyConfigBytes));
    const fetched = await fetchArtifact(await holding(disguised), disguised.descriptor, limits);
    assert.throws(() => unpackArtifact(fetched, 'AppArmor'), failing('ProfileInvalid', /is declared as AppArmor/));
  });

  it('return AppArmor profiles too, including an empty one', () => {
    for (const text of ['{"network":{"allowRaw":true},"capability":{}}', '{}']) {
      const armor = readProfile(Buffer.from(text), 'armor', 'AppArmor');
      const artifact = packArtifact(armor, { layout: 'runtime', title: 'armor.json', content: Buffer.from(text) });
      assert.equal(artifact.manifest.artifactType, 'application/vnd.cncf.apparmor-profile.config.v1+json');
      assert.deepEqual(unpackArtifact(artifact, 'AppArmor'), armor);
      assert.throws(
        () => unpackArtifact(artifact, 'Seccomp'),
        failing('ProfileInvalid', /of kind AppArmor, not Seccomp/),
      );
    }
    const limited = readProfile(Buffer.from('{"network":{"allowRaw":true},"capability":{}}'));
    assert.deepEqual(packArtifact(limited, { layout: 'runtime', title: 'web.json' }).manifest.annotations, {
      'dev.fairlead.profile.kind': 'AppArmor',
      'dev.fairlead.profile.name': 'web',
      'dev.fairlead.profile.summary': 'any executable, any path, network raw, 0 capabilities',
    });
  });

  it('refuse content that is not a profile, or nested too deeply', () => {
    for (const bad of ['', '{', 'null', '{"a":1}', '['.repeat(100_000)]) {
      const artifact = pack({ content: Buffer.from(bad) });
      assert.throws(
        () => unpackArtifact(artifact, 'Seccomp'),
        failing('ProfileInvalid', new RegExp(`profile in ${artifact.descriptor.digest}`)),
      );
    }
  });
});
