import * as v from 'valibot';
import { flag, list, meaning, number, text, texts } from './fields.ts';
import {
  descriptor,
  differences,
  digest,
  failure,
  finding,
  kind,
  pulled,
  reference,
  skipped,
  transferred,
  verification,
} from './parts.ts';

/** A profile that was published, or was to be. */
const publication = v.object({
  name: text('name of the profile in the run'),
  source: text('its file; `-` is stdin'),
  status: meaning(
    v.picklist(['published', 'unchanged', 'planned', 'refused', 'failed']),
    'result; `refused` by `--fail-on` or `--no-overwrite`, `planned` with `--dry-run`',
  ),
  reference: v.nullable(text('reference with the digest, without the tag; null if it was refused or failed')),
  tag: v.nullable(text('the first of its tags')),
  tags: list(
    v.object({
      tag: text('tag'),
      change: meaning(
        v.picklist(['created', 'moved', 'unchanged', 'kept', 'none']),
        'what happens to it; `kept` if it stands for a newer version, `none` if the profile was refused',
      ),
      held: v.nullable(text('digest that it held before')),
      newer: v.nullable(text('tag of the newer version that it stood for')),
    }),
    'its tags',
  ),
  digest: v.nullable(meaning(digest, 'digest of the manifest; null if it was refused or failed')),
  kind: v.nullable(kind),
  loosened: v.nullable(flag('it permits more than what its tags held; null if that could not be decided')),
  comparisons: list(
    v.object({
      reference: text('what it was compared with, with tag and digest'),
      ...differences,
      problem: v.nullable(text('why they could not be compared, such as a missing signature')),
    }),
    'differences to the artifacts whose tags it takes',
  ),
  notCompared: v.nullable(text('why `--fail-on` compared it with nothing, such as a new tag')),
  signer: v.nullable(text('who signs: `key` and its SHA-256 fingerprint, or an identity')),
  signature: v.nullable(text('digest of the manifest of the signature')),
  alreadySigned: flag('the same signer had signed it, and no signature was added'),
  provenance: v.nullable(text('digest of the manifest of the provenance')),
  alreadyAttested: flag('the same signer had attached the same provenance, and none was added'),
  verification: v.nullable(meaning(verification, 'why `--policy` allows the profile')),
  findings: list(finding, 'findings of lint'),
  error: v.nullable(
    meaning(
      v.object({
        kind: v.nullable(text('kind of error; null if it was refused: the exit code is 1')),
        message: text('what is wrong'),
        hint: v.nullable(text('next step')),
      }),
      'why it was refused or failed',
    ),
  ),
});

/** `fairlead push`: one profile, or several. */
export const push = v.union([
  meaning(publication, 'Of one file and its reference:'),
  meaning(
    v.object({
      profiles: list(publication, 'the profiles, in the order of the project or the arguments'),
      summary: meaning(
        v.object({
          published: number('published'),
          unchanged: number('published before, so that nothing was sent'),
          planned: number('planned'),
          refused: number('refused'),
          failed: number('failed'),
        }),
        'number of profiles by status',
      ),
    }),
    'Of several files, and of a project:',
  ),
]);

/** `fairlead pull`. */
export const pull = v.object({
  ...pulled,
  file: v.optional(text('file that the profile was written to')),
  profile: v.optional(meaning(v.unknown(), 'the profile, without `--file`')),
});

/** `fairlead verify`. */
export const verify = v.object(pulled);

/** `fairlead sign`. */
export const sign = v.object({
  reference: text('reference with the digest that was signed'),
  digest,
  signature: text('digest of the manifest of the signature'),
  alreadySigned: flag('the same signer had signed it, and no signature was added'),
});

/** `fairlead attest`. */
export const attest = v.object({
  reference: text('reference with the digest that was attested'),
  digest,
  type: text('predicate type'),
  attestation: text('digest of the manifest of the attestation'),
  alreadyAttested: flag('the same signer had attested the same, and nothing was added'),
});

const listed = v.object(descriptor);

/** `fairlead inspect`. */
export const inspect = v.object({
  verified: meaning(v.literal(false), 'nothing but the digest of the manifest was verified'),
  reference,
  digest,
  mediaType: text('media type of the manifest'),
  size: number('size of the manifest in bytes'),
  content: meaning(
    v.object({
      schemaVersion: meaning(v.literal(2), 'version of the image-spec'),
      mediaType: text('media type of the manifest'),
      artifactType: v.optional(text('artifact type')),
      config: v.optional(meaning(listed, 'config of a manifest')),
      layers: v.optional(list(listed, 'layers of a manifest')),
      manifests: v.optional(list(listed, 'manifests of an index')),
      subject: v.optional(meaning(listed, 'manifest that it refers to')),
      annotations: v.optional(meaning(v.record(v.string(), v.string()), 'annotations')),
    }),
    'the manifest or index',
  ),
  signatures: list(
    v.object({ format: text('format in which it is stored'), manifest: text('digest of its manifest') }),
    'signatures, which are not verified',
  ),
  passedOver: texts('why signatures could not be read'),
});

/** `fairlead copy`. */
export const copy = v.object({
  source: text('reference of the source with its digest; its repository with `--all-tags`'),
  reference: text('reference of the copy; its repository with `--all-tags`'),
  digest: v.optional(digest),
  tags: v.optional(
    list(
      v.object({
        tag: text('tag'),
        digest: v.optional(digest),
        status: meaning(v.picklist(['copied', 'present', 'failed']), '`present`: the destination had the tag'),
        error: v.optional(meaning(failure, 'why it was not copied')),
      }),
      'result for each tag, with `--all-tags`',
    ),
  ),
  ...transferred,
  skipped: list(skipped, 'referrers and lists that could not be copied'),
});

/** `fairlead save`. */
export const save = v.object({
  saved: list(v.object({ reference: text('reference with its digest'), digest }), 'artifacts that were saved'),
  file: text('OCI archive that was written'),
  skipped: list(skipped, 'referrers and lists that could not be copied'),
});

/** `fairlead load`. */
export const load = v.object({
  loaded: list(v.object({ reference, digest }), 'artifacts that were loaded, one entry for each tag'),
  ...transferred,
});

/** `fairlead tag`. */
export const tag = v.object({ digest, tagged: texts('references that were set') });

/** `fairlead untag`. */
export const untag = v.object({
  reference: text('reference of the artifact, with its digest'),
  digest,
  tag: text('tag that was removed'),
  restored: texts('tags that the registry removed as well, and that were set again'),
});

/** `fairlead delete`. */
export const deletion = v.object({
  reference: text('reference of the artifact'),
  digest,
  tags: texts('tags that name the artifact or its referrers'),
  referrers: texts('digests of its signatures and other referrers'),
  derivedTags: texts('tags that are derived from these digests'),
  deleted: texts('digests of the manifests that were deleted; empty with `--dry-run`'),
  kept: list(v.object({ tag: text('derived tag'), reason: text('why') }), 'derived tags that were not deleted'),
});

/** `fairlead ls`. */
export const ls = v.object({ names: texts('tags of the repository, or repositories of the registry') });

interface Referrer extends v.InferOutput<typeof listed> {
  readonly referrers: readonly Referrer[];
}

const referrer: v.GenericSchema<Referrer> = v.object({
  ...descriptor,
  referrers: list(
    v.lazy(() => referrer),
    'its own referrers',
  ),
});

/** `fairlead referrers`. */
export const referrers = v.object({
  reference: text('reference with its digest'),
  digest,
  referrers: list(referrer, 'what refers to the artifact, as the registry lists it'),
});

/** The manifest that a profile is attached to. */
const subject = v.object({
  digest: text('digest of the image, or of the manifest of one platform'),
  platform: v.optional(text('`os/architecture[/variant]`')),
});

/** `fairlead find`. */
export const find = v.object({
  reference: text('reference of the image with its digest'),
  digest: text('digest of the image'),
  profiles: list(
    v.object({
      reference: text('reference of the profile with its digest'),
      digest,
      kind,
      subject: meaning(subject, 'what the profile is attached to'),
      name: v.optional(text('its name, as its publisher states')),
      version: v.optional(text('its version, as its publisher states')),
      summary: v.optional(text('what it permits, as its publisher states')),
      time: v.optional(
        meaning(
          v.object({
            at: text('time (RFC 3339)'),
            of: meaning(
              v.picklist(['signature', 'creation']),
              '`signature`: proven by a log or timestamp; `creation`: as its publisher states',
            ),
          }),
          'when it was signed or created',
        ),
      ),
      verified: flag('false with `--insecure-unverified`'),
      verification: meaning(verification, 'why the profile may be used'),
      localhostProfile: text('value of `localhostProfile` in a pod'),
    }),
    'profiles of the image, the newest first',
  ),
  refusedCount: number('number of referrers that are refused'),
  refused: v.optional(
    list(
      v.object({
        reference: text('reference of the referrer with its digest'),
        subject: meaning(subject, 'whose referrer it is'),
        error: meaning(failure, 'why it is refused'),
      }),
      'referrers that are refused, with `--all`',
    ),
  ),
  unexamined: number('number of referrers that were not examined, because there are too many'),
});

/** `fairlead login`. */
export const login = v.object({
  registry: text('host of the registry'),
  username: text('user name'),
  kept: text('file or credential helper that stores the password'),
});

/** `fairlead logout`. */
export const logout = v.object({
  registry: text('host of the registry'),
  forgotten: flag('there was a password, which was removed'),
});
