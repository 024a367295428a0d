import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Artifact } from '#lib/artifact/artifact';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { type Descriptor, emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { memoryRepository } from '#lib/registry/memory';
import type { Target } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '../keys/key.ts';
import { keySigner } from '../sign/key-signer.ts';
import { signArtifact } from '../sign/sign-artifact.ts';
import { legacyTag } from '../signature/legacy/legacy-manifest.ts';
import { legacyPayloadMediaType, legacySignatureAnnotation } from '../signature/legacy/legacy-payload.ts';
import { packSignature } from '../signature/pack-signature.ts';
import { signPredicateType } from '../signature/predicate-type.ts';
import { signatureLimits } from '../signature/read/signature-limits.ts';
import { bundleMediaType, cosignSignatureType, predicateTypeAnnotation } from '../signature/signature.ts';
import { fetchSignatures } from './fetch-signatures.ts';

const config = blob(mediaTypes.emptyConfig, emptyConfigBytes);
const subject = artifactOf('subject');
const bystander = artifactOf('bystander');
let bundle: Uint8Array;
before(async () => {
  bundle = await signArtifact(
    subject.descriptor,
    keySigner(await loadPrivateKey((await generateKeyPair()).privateKey)),
  );
});

function artifactOf(content: string, changes: Partial<Artifact['manifest']> = {}): Artifact {
  const layer = blob(mediaTypes.imageLayer, Buffer.from(content));
  return assembleArtifact(
    {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: config.descriptor,
      layers: [layer.descriptor],
      ...changes,
    },
    [config, layer],
  );
}

async function repository(...pushed: Artifact[]): Promise<Target> {
  const target = memoryRepository();
  for (const artifact of [subject, ...pushed]) await pushArtifact(target, artifact, undefined, undefined);
  return target;
}

/** The target with the answer of one method changed. */
function lying(target: Target, changes: Partial<Target>): Target {
  return { ...target, ...changes };
}

function referrerOf(of: Artifact, bytes: Uint8Array, changes: Partial<Artifact['manifest']> = {}): Artifact {
  const packed = packSignature(of.descriptor, bytes);
  return assembleArtifact({ ...packed.manifest, ...changes }, packed.blobs);
}

describe('fetchSignatures', () => {
  it('finds nothing beside an unsigned artifact', async () => {
    assert.deepEqual(await fetchSignatures(await repository(), subject.descriptor), []);
  });

  it('finds a bundle among the referrers, byte for byte', async () => {
    const referrer = packSignature(subject.descriptor, bundle);
    const [found, ...more] = await fetchSignatures(await repository(referrer), subject.descriptor);
    assert.deepEqual(more, []);
    assert.ok(found?.format === 'bundle');
    assert.equal(found.manifest, referrer.descriptor.digest);
    assert.deepEqual(Buffer.from(found.bundle), Buffer.from(bundle));
  });

  it('opens referrers whatever artifactType the list gives them', async () => {
    const referrer = packSignature(subject.descriptor, bundle);
    const target = await repository(referrer);
    for (const artifactType of [undefined, mediaTypes.emptyConfig, 'application/x']) {
      const { artifactType: _, ...rest } = referrer.descriptor;
      const listed: Descriptor = artifactType === undefined ? rest : { ...rest, artifactType };
      const found = await fetchSignatures(lying(target, { referrers: async () => [listed] }), subject.descriptor);
      assert.equal(found.length, 1);
    }
  });

  it('reads the legacy tag', async () => {
    const payload = blob(legacyPayloadMediaType, Buffer.from('{"critical":{}}'), {
      [legacySignatureAnnotation]: 'c2ln',
    });
    const unsigned = blob(legacyPayloadMediaType, Buffer.from('{}'));
    const legacy = assembleArtifact(
      {
        schemaVersion: 2,
        mediaType: mediaTypes.manifest,
        config: config.descriptor,
        layers: [unsigned.descriptor, payload.descriptor],
      },
      [config, payload, unsigned],
    );
    const target = await repository();
    await pushArtifact(target, legacy, undefined, legacyTag(subject.descriptor, 'sig'));
    const [found, ...more] = await fetchSignatures(target, subject.descriptor);
    assert.deepEqual(more, []);
    assert.ok(found?.format === 'legacy');
    assert.equal(Buffer.from(found.payload).toString(), '{"critical":{}}');
    assert.equal(found.annotations[legacySignatureAnnotation], 'c2ln');
    assert.equal(legacyTag({ digest: digestOf(Buffer.from(''), 'sha512') }, 'sig'), undefined);
  });

  it('reads what was put last under the legacy tag, and the same payload once', async () => {
    const layers = Array.from({ length: signatureLimits.legacyLayers + 1 }, (_, index) =>
      blob(legacyPayloadMediaType, Buffer.from('{"critical":{}}'), { [legacySignatureAnnotation]: `${index}` }),
    );
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor } as const;
    const legacy = assembleArtifact({ ...manifest, layers: layers.map(({ descriptor }) => descriptor) }, [
      config,
      ...layers.slice(0, 1),
    ]);
    const target = await repository();
    await pushArtifact(target, legacy, undefined, legacyTag(subject.descriptor, 'sig'));
    let fetched = 0;
    const counting = lying(target, {
      fetch: (descriptor) => {
        fetched++;
        return target.fetch(descriptor);
      },
    });
    const found = await fetchSignatures(counting, subject.descriptor);
    const signatures = found.map((each) => each.format === 'legacy' && each.annotations[legacySignatureAnnotation]);
    assert.equal(signatures.length, signatureLimits.legacyLayers);
    assert.equal(signatures.at(-1), `${signatureLimits.legacyLayers}`, 'who signs again appends');
    assert.equal(fetched, 2);
  });

  it('reads a payload that another layer gives a wrong length', async () => {
    const payload = blob(legacyPayloadMediaType, Buffer.from('{}'), { [legacySignatureAnnotation]: 'c2ln' });
    const layers = [{ ...payload.descriptor, size: 1 }, payload.descriptor];
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor } as const;
    const target = await repository();
    await pushArtifact(
      target,
      assembleArtifact({ ...manifest, layers }, [config, payload]),
      undefined,
      legacyTag(subject.descriptor, 'sig'),
    );
    assert.equal((await fetchSignatures(target, subject.descriptor)).length, 1);
  });

  it('reads the signatures that cosign 2 keeps as a referrer', async () => {
    const payload = blob(legacyPayloadMediaType, Buffer.from('{"critical":{}}'), {
      [legacySignatureAnnotation]: 'c2ln',
    });
    const own = blob('application/vnd.dev.cosign.artifact.sig.v1+json', Buffer.from('{}'));
    const referrer = assembleArtifact(
      {
        schemaVersion: 2,
        mediaType: mediaTypes.manifest,
        config: own.descriptor,
        layers: [payload.descriptor],
        subject: subject.descriptor,
      },
      [own, payload],
    );
    const [found, ...more] = await fetchSignatures(await repository(referrer), subject.descriptor);
    assert.deepEqual(more, []);
    assert.ok(found?.format === 'legacy');
    assert.equal(found.annotations[legacySignatureAnnotation], 'c2ln');
    assert.deepEqual(await fetchSignatures(await repository(referrer), bystander.descriptor), []);
  });

  it('reads few layers of such a referrer, and few bytes', async () => {
    const referrer = (count: number, size: number): Artifact => {
      const layers = Array.from({ length: count }, (_, index) => {
        const content = Buffer.alloc(size, index);
        return blob(legacyPayloadMediaType, content, { [legacySignatureAnnotation]: 'c2ln' });
      });
      const own = blob(cosignSignatureType, Buffer.from('{}'));
      const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: own.descriptor } as const;
      return assembleArtifact(
        { ...manifest, layers: layers.map(({ descriptor }) => descriptor), subject: subject.descriptor },
        [own, ...layers],
      );
    };
    const { referrerLayers, legacyPayloadBytes } = signatureLimits;
    const many = await fetchSignatures(await repository(referrer(100, 100)), subject.descriptor);
    assert.equal(many.length, referrerLayers);
    const told: string[] = [];
    const onSkipped = ({ summary }: FairleadError): void => void told.push(summary);
    const large = await repository(referrer(100, legacyPayloadBytes));
    assert.deepEqual(await fetchSignatures(large, subject.descriptor, { onSkipped }), []);
    assert.match(told.join(), /has more than 262144 bytes/);
  });

  it('reads bundles of each version, by the media type that its layer has', async () => {
    for (const version of ['0.1', '0.2', '0.3']) {
      const layer = blob(`application/vnd.dev.sigstore.bundle+json;version=${version}`, bundle);
      const changes = { artifactType: layer.descriptor.mediaType, layers: [layer.descriptor] };
      const packed = packSignature(subject.descriptor, bundle);
      const referrer = assembleArtifact({ ...packed.manifest, ...changes }, [...packed.blobs, layer]);
      assert.equal((await fetchSignatures(await repository(referrer), subject.descriptor)).length, 1, version);
    }
  });

  it('names what is a signature and is not read, and nothing else', async () => {
    const typed = (artifactType: string, mediaType = 'application/octet-stream'): Artifact => {
      const layer = blob(mediaType, Buffer.from(`of ${artifactType}`));
      const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor } as const;
      const changes = { artifactType, subject: subject.descriptor, layers: [layer.descriptor] };
      return assembleArtifact({ ...manifest, ...changes }, [config, layer]);
    };
    const unread = [
      typed('application/vnd.cncf.notary.signature', 'application/jose+json'),
      typed('application/vnd.dev.sigstore.bundle.v0.4+json', 'application/vnd.dev.sigstore.bundle.v0.4+json'),
      typed('application/vnd.dev.cosign.artifact.sig.v1+json', legacyPayloadMediaType),
    ];
    const target = await repository(...unread, typed('application/spdx+json'), typed('application/x'));
    await pushArtifact(target, bystander, undefined, legacyTag(subject.descriptor, 'sig'));
    const told: string[] = [];
    const onSkipped = ({ summary }: FairleadError): void => void told.push(summary);
    assert.deepEqual(await fetchSignatures(target, subject.descriptor, { onSkipped }), []);
    const named = [...unread, bystander].map(({ descriptor }) => descriptor.digest);
    assert.deepEqual(told.map((summary) => summary.split(' ')[0]).sort(), named.sort(), told.join('\n'));
  });

  it('leaves out what is not a signature of this artifact', async () => {
    const oversized = new Uint8Array(signatureLimits.bundleBytes + 1);
    const target = await repository(
      referrerOf(subject, Buffer.from('an SBOM'), {
        annotations: { [predicateTypeAnnotation]: 'https://spdx.dev/Document' },
      }),
      referrerOf(subject, oversized),
      referrerOf(subject, bundle, { layers: [] }),
      referrerOf(subject, bundle, { layers: [config.descriptor, config.descriptor] }),
      artifactOf('other referrer', { subject: subject.descriptor, artifactType: bundleMediaType }),
      artifactOf('no bundle', { subject: subject.descriptor }),
    );
    assert.deepEqual(await fetchSignatures(target, subject.descriptor), []);
  });

  it('is not deceived by a list that lies', async () => {
    const forOther = packSignature(bystander.descriptor, bundle);
    const target = await repository(bystander, forOther);
    const missing: Descriptor = { ...subject.descriptor, digest: digestOf(Buffer.from('missing')) };
    const index: Descriptor = { ...subject.descriptor, mediaType: mediaTypes.index };
    const listed = [forOther.descriptor, missing, index, subject.descriptor];
    assert.deepEqual(await fetchSignatures(lying(target, { referrers: async () => listed }), subject.descriptor), []);
  });

  it('finds the signature among 10,000 strangers, and opens few of them', async () => {
    const referrer = packSignature(subject.descriptor, bundle);
    const target = await repository(referrer);
    const strangers = Array.from(
      { length: 9_999 },
      (_, index): Descriptor => ({
        mediaType: mediaTypes.manifest,
        digest: digestOf(Buffer.from(`stranger ${index}`)),
        size: 100,
        artifactType: 'application/x',
      }),
    );
    let fetched = 0;
    const counting = lying(target, {
      referrers: async () => [...strangers, referrer.descriptor],
      fetch: (descriptor) => {
        fetched++;
        return target.fetch(descriptor);
      },
    });
    assert.equal((await fetchSignatures(counting, subject.descriptor)).length, 1);
    assert.ok(fetched <= signatureLimits.manifests + 1, `${fetched} fetched`);
  });

  it('lets nothing that is too large stand in the way', async () => {
    const large = referrerOf(subject, bundle, {
      annotations: { [predicateTypeAnnotation]: signPredicateType, x: 'x'.repeat(signatureLimits.manifestBytes) },
    });
    const target = await repository(large, packSignature(subject.descriptor, bundle));
    const annotations = { [legacySignatureAnnotation]: 'c2ln' };
    const oversized = blob(
      legacyPayloadMediaType,
      Buffer.alloc(signatureLimits.legacyPayloadBytes + 1, ' '),
      annotations,
    );
    const layers = Array.from({ length: signatureLimits.legacyLayers + 10 }, (_, index) =>
      blob(legacyPayloadMediaType, Buffer.from(`${index}`), annotations),
    );
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor } as const;
    const all = [oversized, ...layers];
    const legacy = assembleArtifact({ ...manifest, layers: all.map(({ descriptor }) => descriptor) }, [config, ...all]);
    await pushArtifact(target, legacy, undefined, legacyTag(subject.descriptor, 'sig'));
    const found = await fetchSignatures(target, subject.descriptor);
    assert.equal(found.filter(({ format }) => format === 'bundle').length, 1);
    assert.equal(found.filter(({ format }) => format === 'legacy').length, signatureLimits.legacyLayers);
  });

  for (const [more, size] of [
    ['longer', bystander.manifestBytes.length - 1],
    ['shorter', bystander.manifestBytes.length + 1],
  ] as const) {
    it(`lets no content that is ${more} than a stranger’s manifest says stand in the way`, async () => {
      const annotations = { [legacySignatureAnnotation]: 'c2ln' };
      const lie = { digest: bystander.descriptor.digest, size };
      const referrer = referrerOf(subject, bundle, { layers: [{ mediaType: bundleMediaType, ...lie }] });
      const payload = blob(legacyPayloadMediaType, Buffer.from('{}'), annotations);
      const legacy = assembleArtifact(
        {
          schemaVersion: 2,
          mediaType: mediaTypes.manifest,
          config: config.descriptor,
          layers: [{ mediaType: legacyPayloadMediaType, annotations, ...lie }, payload.descriptor],
        },
        [config, payload],
      );
      const target = await repository(bystander, referrer, packSignature(subject.descriptor, bundle));
      await pushArtifact(target, legacy, undefined, legacyTag(subject.descriptor, 'sig'));
      const found = await fetchSignatures(target, subject.descriptor);
      assert.deepEqual(found.map(({ format }) => format).sort(), ['bundle', 'legacy']);
    });
  }

  it('lets nothing that stands under the legacy tag in place of signatures stand in the way', async () => {
    const target = await repository(packSignature(subject.descriptor, bundle));
    for (const kind of ['InvalidInput', 'LimitExceeded'] as const) {
      // As of a manifest of an unknown type, or of too many bytes.
      const resolve = async (): Promise<never> => {
        throw new FairleadError(kind, 'no type of a manifest that is known');
      };
      assert.equal((await fetchSignatures(lying(target, { resolve }), subject.descriptor)).length, 1);
    }
  });

  it('lets no list of referrers that cannot be read stand in the way, and tells of it', async () => {
    const payload = blob(legacyPayloadMediaType, Buffer.from('{}'), { [legacySignatureAnnotation]: 'c2ln' });
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor } as const;
    const legacy = assembleArtifact({ ...manifest, layers: [payload.descriptor] }, [config, payload]);
    const target = await repository();
    await pushArtifact(target, legacy, undefined, legacyTag(subject.descriptor, 'sig'));
    for (const kind of ['InvalidInput', 'LimitExceeded'] as const) {
      const broken = new FairleadError(kind, 'the list is broken');
      const referrers = async (): Promise<never> => {
        throw broken;
      };
      const told: FairleadError[] = [];
      const onSkipped = (error: FairleadError) => void told.push(error);
      const found = await fetchSignatures(lying(target, { referrers }), subject.descriptor, { onSkipped });
      assert.deepEqual([found.map(({ format }) => format), told], [['legacy'], [broken]]);
    }
  });

  it('passes on that the registry is out of reach', async () => {
    const down = async (): Promise<never> => {
      throw new FairleadError('Unavailable', 'registry is down');
    };
    const target = await repository(packSignature(subject.descriptor, bundle));
    for (const changes of [{ referrers: down }, { fetch: down }, { resolve: down }]) {
      await assert.rejects(
        fetchSignatures(lying(target, changes), subject.descriptor),
        (error) => error instanceof FairleadError && error.kind === 'Unavailable',
      );
    }
  });

  it('refuses content that is not what its digest says', async () => {
    const referrer = packSignature(subject.descriptor, bundle);
    const target = await repository(referrer);
    const swapped = lying(target, {
      fetch: async (descriptor) => {
        if (descriptor.mediaType !== bundleMediaType) return target.fetch(descriptor);
        return (async function* () {
          yield new Uint8Array(descriptor.size);
        })();
      },
    });
    await assert.rejects(fetchSignatures(swapped, subject.descriptor), FairleadError);
  });
});

describe('packSignature', () => {
  it('writes the referrer that cosign 3 writes', () => {
    const { manifest } = packSignature(subject.descriptor, bundle, { created: new Date('2026-01-02T03:04:05Z') });
    assert.deepEqual(manifest, {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      config: {
        mediaType: 'application/vnd.oci.empty.v1+json',
        digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
        size: 2,
      },
      layers: [
        { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json', digest: digestOf(bundle), size: bundle.length },
      ],
      subject: { mediaType: mediaTypes.manifest, digest: subject.descriptor.digest, size: subject.descriptor.size },
      annotations: {
        'dev.sigstore.bundle.content': 'dsse-envelope',
        'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1',
        'org.opencontainers.image.created': '2026-01-02T03:04:05.000Z',
      },
    });
  });
});
