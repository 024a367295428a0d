import * as v from 'valibot';
import { flag, list, meaning, number, text, texts } from './fields.ts';

/** The kinds of profiles. */
export const kind = meaning(v.picklist(['Seccomp', 'AppArmor', 'SELinux', 'RawSELinux']), 'kind of the profile');

/** The reference of an artifact. */
export const reference = text('reference of the artifact');

/** The digest of an artifact. */
export const digest = text('digest of the manifest');

/** Where something is in a file. */
export const place = v.object({
  line: number('line, counted from 1'),
  column: number('column, counted from 1, in UTF-16 units'),
  endColumn: number('column after the word'),
  pointer: text('JSON pointer into the file as it is written (RFC 6901)'),
});

/** Something that lint reports. */
export const finding = v.object({
  code: text('stable code, such as `unknown-syscall`'),
  severity: meaning(v.picklist(['error', 'warning', 'info']), 'push refuses a profile with an `error`'),
  message: text('what is wrong'),
  pointer: text('JSON pointer into the profile (RFC 6901)'),
  place: v.optional(meaning(place, 'where that is in the file')),
});

/** The identity in a certificate. */
const certificate = v.object({
  issuer: text('OpenID Connect provider that confirmed the identity'),
  identity: text('e-mail address or URI of the signer'),
  claims: meaning(v.record(v.string(), v.string()), 'what the provider states about a CI job, by its name'),
});

/** Who made a signature: a key or an identity. */
export const signer = {
  logIndexes: v.optional(texts('indexes in transparency logs, if their entries were verified')),
  signedAt: v.optional(text('earliest time in its verified log entries and timestamps (RFC 3339), if they have one')),
  key: v.optional(text('file of the public key')),
  keyFingerprint: v.optional(text('SHA-256 of the public key (SPKI, DER), hex')),
  certificate: v.optional(meaning(certificate, 'certificate of a keyless signature')),
};

/** A signature that meets a requirement. */
export const heldSignature = v.object({
  attestation: v.optional(text('predicate type, if it is an attestation')),
  format: text('format in which it is stored: `bundle`, `legacy` or `legacy-attestation`'),
  manifest: text('digest of the manifest that contains it'),
  ...signer,
});

/** Why an artifact may be used. */
export const verification = v.object({
  rule: text('`match` of the rule that allows the profile'),
  unsigned: flag('the rule requires no signature'),
  signatures: list(heldSignature, 'signatures and attestations that meet the rule'),
});

/** A pulled or verified profile. */
export const pulled = {
  reference: text('reference that was asked for'),
  digest,
  kind,
  verification: meaning(verification, 'why the profile may be used'),
};

/** What a transfer moved. */
export const transferred = {
  content: meaning(
    v.object({
      sent: number('blobs and manifests that were sent'),
      mounted: number('blobs that the registry took from another repository'),
      present: number('blobs and manifests that the destination had'),
    }),
    'what happened to the blobs and manifests',
  ),
  sentBytes: number('bytes that were sent'),
};

/** A referrer or list that was not copied. */
export const skipped = v.object({ digest: text('digest of a referrer that was not copied'), reason: text('why') });

/** Why one of several objects failed. */
export const failure = v.object({
  kind: text('kind of the error'),
  message: text('what is wrong'),
  hint: v.optional(text('next step')),
});

/** A descriptor of OCI image-spec. */
export const descriptor = {
  mediaType: text('media type'),
  digest: text('digest'),
  size: number('size in bytes'),
  artifactType: v.optional(text('artifact type')),
  annotations: v.optional(meaning(v.record(v.string(), v.string()), 'annotations')),
  platform: v.optional(
    meaning(
      v.object({
        architecture: v.string(),
        os: v.string(),
        variant: v.optional(v.string()),
        'os.version': v.optional(v.string()),
      }),
      'platform',
    ),
  ),
};

/** A difference between two profiles. */
export const differences = {
  changes: list(
    v.object({
      subject: text('what changed: a system call, a path, `defaultAction` and so on'),
      direction: meaning(v.picklist(['loosened', 'tightened', 'changed']), 'whether it permits more or less'),
      from: text('what applied'),
      to: text('what applies now'),
      where: v.optional(text('arguments or machines, if not all')),
      place: v.optional(meaning(place, 'where the new file permits or denies it')),
    }),
    'differences in meaning',
  ),
  rewritten: texts('what is written differently and means the same'),
};
