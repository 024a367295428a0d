import * as v from 'valibot';
import { flag, list, meaning, number, text, texts } from './fields.ts';
import { differences, digest, kind } from './parts.ts';

const signer = v.object({
  key: v.optional(text('SHA-256 of the public key (SPKI, DER), hex')),
  issuer: v.optional(text('OpenID Connect provider that confirmed the identity')),
  identity: v.optional(text('e-mail address or URI of the signer')),
});

const calls = v.object({
  allowed: number('system calls that are allowed under RuntimeDefault and the profile'),
  baseline: number('system calls that RuntimeDefault allows'),
  asked: number('system calls that the profile allows and RuntimeDefault denies'),
});

/** One artifact of a catalog: claims of the signer of the catalog. */
const entry = v.object({
  reference: text('reference with the digest'),
  digest,
  kind,
  tags: texts('tags when the catalog was built, the newest version first'),
  summary: v.optional(text('one line of its publisher')),
  architectures: texts('architectures by the names of Go; empty if the profile lists none'),
  images: texts('repositories of the container images that it is for'),
  subject: v.optional(text('digest of the image that it is attached to')),
  created: v.optional(text('when it was published, if its publisher states that (RFC 3339)')),
  signers: list(signer, 'signers that the builder of the catalog verified'),
  calls: v.optional(meaning(calls, 'of a seccomp profile')),
  annotations: meaning(v.record(v.string(), v.string()), 'annotations of the manifest, shortened'),
});

const refused = v.object({
  reference: text('profile, image or repository that is left out'),
  error: v.object({ kind: text('kind of the error'), message: text('why') }),
});

const moved = v.object({
  repository: text('registry and repository'),
  tag: text('tag'),
  from: text('digest that it had'),
  to: text('digest that it has'),
});

const difference = {
  added: list(entry, 'artifacts that only the new catalog has'),
  removed: list(entry, 'artifacts that only the old catalog has'),
  changed: list(v.object({ from: entry, to: entry }), 'the same artifact with other tags or signers'),
  moved: list(moved, 'tags that point to another artifact'),
};

/** `fairlead catalog build`. */
export const catalogBuild = v.object({
  reference: text('reference of the catalog, with the digest'),
  digest,
  written: flag('something was written; false if nothing changed'),
  profiles: number('repositories with profiles'),
  versions: number('artifacts in the catalog'),
  read: number('artifacts that were read; the others were taken from the catalog before'),
  skipped: number('artifacts that are not profiles'),
  shards: v.object({ total: number('shards of the catalog'), written: number('shards that were written') }),
  ...difference,
  refused: list(refused, 'what is left out, with the reasons'),
  signature: v.nullable(text('digest of the manifest of the signature')),
});

const read = {
  name: text('name in the configuration, or the reference'),
  reference: text('reference of the catalog'),
};

/** `fairlead catalog list`. */
export const catalogList = v.object({
  catalogs: list(
    v.object({
      ...read,
      digest: v.nullable(text('digest of the catalog; null if it cannot be read')),
      built: v.nullable(text('when it was built (RFC 3339)')),
      profiles: v.nullable(number('repositories with profiles')),
      versions: v.nullable(number('artifacts')),
      error: v.nullable(v.object({ kind: text('kind of the error'), message: text('why it cannot be used') })),
    }),
    'the catalogs of the configuration, or of `--catalog`',
  ),
});

const facet = (what: string) => list(v.object({ value: text('value'), count: number('profiles') }), what);

/** `fairlead catalog search`. */
export const catalogSearch = v.object({
  total: number('profiles that match'),
  profiles: list(
    v.object({
      repository: text('registry and repository'),
      name: text('last segment of the repository'),
      newest: meaning(entry, 'the newest version'),
      versions: number('number of versions'),
    }),
    'this page of them',
  ),
  facets: v.object({
    kind: facet('number of profiles by kind'),
    signer: facet('by signer'),
    image: facet('by image'),
    architecture: facet('by architecture'),
  }),
  next: v.nullable(text('value of `--after` for the next page; null on the last one')),
});

/** `fairlead catalog info`. */
export const catalogInfo = v.object({
  repository: text('registry and repository'),
  name: text('last segment of the repository'),
  versions: list(entry, 'its artifacts, the newest first'),
  manifest: v.nullable(
    meaning(v.unknown(), 'manifest of the chosen version, as `inspect` prints it; null with `--offline`'),
  ),
});

/** `fairlead catalog diff`. */
export const catalogDiff = v.object({ from: text('old catalog'), to: text('new catalog'), ...difference });

/** `fairlead catalog follow`. */
export const catalogFollow = v.object({
  catalog: text('name of the catalog'),
  digest,
  news: list(
    v.object({
      repository: text('registry and repository'),
      change: meaning(
        v.picklist(['new', 'updated', 'removed']),
        'a new profile, a new newest version, or a removed profile',
      ),
      from: v.nullable(text('reference of the version before, with the digest')),
      to: v.nullable(text('reference of the newest version, with the digest')),
      tag: v.nullable(text('first tag of the newest version')),
      loosened: v.nullable(flag('it permits more; null if that could not be decided')),
      ...differences,
      problem: v.nullable(text('why the versions could not be compared')),
    }),
    'what is new since the last pass',
  ),
});
