import * as v from 'valibot';
import { flag, list, meaning, number, text, texts } from './fields.ts';
import { heldSignature, kind, signer } from './parts.ts';

/** `fairlead sign-blob`. */
export const signBlob = v.object({
  signed: list(
    v.object({
      file: text('file that was signed'),
      bundle: text('file of its signature'),
      alreadySigned: flag('the same signer had signed it, and the bundle was not changed'),
    }),
    'the files',
  ),
});

/** `fairlead verify-blob`. */
export const verifyBlob = v.object({
  file: text('file that was verified'),
  bundle: text('file of its signature'),
  digest: text('digest of the file'),
  size: number('size of the file in bytes'),
  signedBy: meaning(v.object(signer), 'who signed it'),
  predicateType: v.optional(text('type of the attestation, with `--type`')),
  predicate: v.optional(meaning(v.unknown(), 'predicate of the attestation, with `--type`')),
});

/** `fairlead policy check`. */
export const policyCheck = v.object({
  policy: text('file of the policy'),
  revision: text('hash of the policy and of every file that it names'),
  baseline: meaning(
    v.object({
      seccomp: text('`RuntimeDefault`, or the file of a profile'),
      apparmor: text('`RuntimeDefault`, or the file of a profile'),
    }),
    'what nodes intersect profiles with',
  ),
  limits: meaning(
    v.object({
      artifactBytes: number('size of the largest artifact that nodes accept, in bytes'),
      entriesPerSyscall: number('how many entries of a seccomp profile may name the same syscall'),
    }),
    'what nodes accept at most',
  ),
  verifyCredentials: meaning(
    v.picklist(['cached', 'always', 'never']),
    'when nodes ask a registry whether a caller may have what is stored already',
  ),
  ignoredAnnotations: meaning(
    v.picklist(['Report', 'Refuse']),
    'what nodes do with a container that has annotations for an artifact which do not apply',
  ),
  rules: list(
    v.object({
      match: text('repositories that the rule is for'),
      position: v.optional(text('line and column in the file')),
      kinds: v.optional(list(kind, 'kinds of profiles that the rule is for, if not all')),
      unsigned: flag('the rule requires no signature'),
      require: texts('what must be signed by whom, in words'),
      signedRepository: v.optional(text('repository that signatures must name')),
      log: flag('the rule allows mode=log'),
      neverAsked: v.optional(text('positions of earlier rules that make this one unreachable')),
      undecided: v.optional(flag('not checked whether earlier rules make this one unreachable')),
    }),
    'the rules, in their order',
  ),
});

/** `fairlead policy test`. */
export const policyTest = v.object({
  allowed: v.nullable(flag('null if the rules allow it, and its signatures were not checked')),
  policy: text('file of the policy'),
  revision: text('hash of the policy and of every file that it names'),
  reference: text('reference that was asked for'),
  kind: v.optional(kind),
  rule: v.nullable(text('`match` of the rule that decides')),
  log: flag('this rule allows mode=log'),
  steps: list(
    v.object({
      rule: text('`match` of the rule'),
      position: v.optional(text('line and column in the file')),
      outcome: meaning(v.picklist(['matches', 'other repository', 'other kind']), 'whether it applies'),
    }),
    'the rules that were tried',
  ),
  digest: v.nullable(text('digest of the artifact, if its signatures were checked')),
  signatures: v.nullable(number('number of signatures and attestations that were found')),
  requirements: v.nullable(
    list(
      v.object({
        met: flag('enough signers meet it'),
        attestation: v.optional(text('predicate type of a required attestation')),
        wanted: texts('signers of which one is enough, in words'),
        threshold: number('how many different signers are required'),
        held: list(heldSignature, 'one signature of each signer that meets it'),
        refused: list(
          v.object({
            format: text('format in which it is stored'),
            manifest: text('digest of the manifest that contains it'),
            wanted: text('signer that it was verified with'),
            reason: text('why it does not meet the requirement'),
          }),
          'signatures that do not meet it',
        ),
      }),
      'requirements of the rule',
    ),
  ),
  refusal: v.nullable(
    meaning(
      v.object({ kind: text('kind of the error'), message: text('reason') }),
      'why it is refused, or why this could not be found out',
    ),
  ),
});

/** `fairlead policy import`. */
export const policyImport = v.object({
  policy: text('trust policy, in YAML'),
  written: texts('files that were written, with `--directory`'),
  notes: texts('what is allowed unsigned, what was left out, and which keys are missing'),
});

/** `fairlead keygen`. */
export const keygen = v.object({
  privateKey: v.optional(text('file of the private key')),
  kmsKey: v.optional(text('reference of the key, if a key service has it')),
  publicKey: text('file of the public key'),
  fingerprint: text('SHA-256 of the public key (SPKI, DER), hex'),
  encrypted: v.optional(flag('the file of the private key is encrypted with a passphrase')),
});

/** `fairlead version`. */
export const version = v.object({
  version: text('version of Fairlead'),
  commit: v.optional(text('Git commit that it was built from')),
  distribution: meaning(v.picklist(['executable', 'npm', 'source']), 'how it was distributed'),
  node: text('version of Node.js'),
  platform: text('system and architecture'),
  verification: text('what to do to verify that this program is what was published'),
});

/** An error, on stderr. */
export const error = v.object({
  error: v.object({
    kind: text('kind of the error, which determines the exit code'),
    message: text('what is wrong with which object'),
    causes: texts('the errors behind it'),
    hint: v.optional(text('the next step')),
    pointer: v.optional(text('JSON pointer into the input (RFC 6901)')),
  }),
});
