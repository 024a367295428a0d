import fc from 'fast-check';
import { profileMediaTypes } from '#lib/artifact/artifact';
import type { CatalogEntry } from '#lib/catalog/entry';
import { statedFields, takenAnnotations } from '#lib/catalog/entry-annotations';
import { mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { parseReference } from '#lib/registry/reference';

/** What a test states about an entry; the rest is made up. */
export interface EntryFields extends Partial<Omit<CatalogEntry, 'descriptor'>> {
  /** `registry/repository`. */
  readonly of?: string;
  /** Entries with another seed have another digest. */
  readonly seed?: string;
}

/** Returns an entry, as a builder would write it. */
export function catalogEntry({
  of = 'registry.test/acme/nginx',
  seed = '',
  ...fields
}: EntryFields = {}): CatalogEntry {
  const { registry, repository } = parseReference(of);
  const { kind = 'Seccomp', annotations = {} } = fields;
  const taken = takenAnnotations(annotations);
  return {
    registry,
    repository,
    descriptor: {
      mediaType: mediaTypes.manifest,
      digest: digestOf(Buffer.from(`${of} ${seed}`)),
      size: 500,
      artifactType: profileMediaTypes[kind],
    },
    kind,
    tags: [],
    architectures: [],
    signers: [],
    ...statedFields(taken, fields.subject === undefined ? undefined : of),
    ...fields,
    annotations: taken,
  };
}

const segment = fc.stringMatching(/^[a-z][a-z0-9]{0,4}$/);
const repository = fc
  .tuple(fc.constantFrom('registry.test', 'localhost:5000', 'ghcr.io'), segment, segment)
  .map((parts) => parts.join('/'));
const tag = fc.oneof(
  fc.tuple(fc.nat(3), fc.nat(12), fc.nat(3)).map((numbers) => numbers.join('.')),
  fc.stringMatching(/^[a-z_][A-Za-z0-9._-]{0,6}$/),
);
const signer = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 9 }).map((text) => ({ key: digestOf(Buffer.from(text)).slice(7) })),
  fc
    .string({ unit: 'binary', minLength: 1, maxLength: 9 })
    .map((identity) => ({ issuer: 'https://issuer.test', identity })),
);
const annotations = fc.dictionary(
  fc.oneof(
    fc.constantFrom(
      'org.opencontainers.image.created',
      'org.opencontainers.image.version',
      'dev.fairlead.profile.summary',
      'dev.fairlead.profile.images',
      'dev.fairlead.catalog.signers',
    ),
    fc.stringMatching(/^[a-z.]{1,9}$/),
  ),
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom('docker.io/library/nginx', 'docker.io/library/nginx,ghcr.io/acme/web', '2026-11-03T00:00:00Z'),
  ),
  { maxKeys: 4 },
);

/** Entries of a few repositories, with hostile annotations; none is there twice. */
export const arbitraryEntries: fc.Arbitrary<readonly CatalogEntry[]> = fc.uniqueArray(
  fc
    .record({
      of: repository,
      seed: fc.nat(5).map(String),
      kind: fc.constantFrom('Seccomp' as const, 'AppArmor' as const),
      tags: fc.uniqueArray(tag, { maxLength: 3 }),
      architectures: fc.subarray(['amd64', 'arm64', 's390x']),
      signers: fc.array(signer, { maxLength: 2 }),
      annotations,
    })
    .map(catalogEntry),
  { maxLength: 30, selector: (entry) => entry.descriptor.digest },
);
