import { problemResponse } from '#lib/http/open-api';

const text = { type: 'string' } as const;
const kind = { type: 'string', enum: ['Seccomp', 'AppArmor'] } as const;
const digest = { type: 'string', description: 'sha256:<64 hex digits>' } as const;

/** The parameters that several routes have. */
export const parameters = {
  reference: { type: 'string', maxLength: 512, description: 'registry/repository:tag or …@sha256:…' },
  kind: { ...kind, default: 'Seccomp', description: 'The kind of profile' },
} as const;

/** The query of a request about one profile. */
export const profileQuery = {
  type: 'object',
  required: ['reference'],
  additionalProperties: false,
  properties: parameters,
} as const;

const signature = {
  $id: 'HeldSignature',
  type: 'object',
  description: 'A signature or attestation that a requirement was met by.',
  required: ['format', 'manifest'],
  properties: {
    attestation: { ...text, description: 'The predicate type, if the rule requires an attestation' },
    format: text,
    manifest: { ...digest, description: 'Digest of the manifest that carried the signature' },
    key: { ...text, description: "The key's file name" },
    keyFingerprint: { ...text, description: "SHA-256 of the key's SPKI DER, hex" },
    logIndexes: {
      type: 'array',
      items: text,
      description: 'Indexes of the verified entries in transparency logs, if the rule requires them',
    },
    signedAt: {
      type: 'string',
      format: 'date-time',
      description: 'The earliest time in its verified log entries and timestamps, if they have one',
    },
    certificate: {
      type: 'object',
      description: 'The signer in the certificate of a keyless signature, which has no key',
      properties: { issuer: text, identity: text, claims: { type: 'object', additionalProperties: text } },
    },
  },
} as const;

const verification = {
  $id: 'Verification',
  type: 'object',
  description: 'Why a profile may be used.',
  required: ['rule', 'unsigned', 'signatures'],
  properties: {
    rule: { ...text, description: 'The rule of the trust policy that allowed it' },
    unsigned: { type: 'boolean', description: 'Whether the rule requires no signature' },
    signatures: { type: 'array', items: { $ref: 'HeldSignature#' } },
  },
} as const;

const fetched = {
  $id: 'VerifiedProfile',
  type: 'object',
  description: 'The profile, and the reason why it may be used.',
  required: ['reference', 'digest', 'kind', 'verification', 'profile'],
  properties: {
    reference: text,
    digest,
    kind,
    verification: { $ref: 'Verification#' },
    profile: { type: 'object', description: "The profile, in the runtime's own format" },
  },
} as const;

const decision = {
  $id: 'Decision',
  type: 'object',
  description: 'What the trust policy decides about a reference, step by step.',
  required: ['allowed', 'reference', 'kind', 'rule', 'steps', 'digest', 'signatures', 'requirements', 'refusal'],
  properties: {
    allowed: { type: ['boolean', 'null'], description: 'null: if its signatures meet the rule, which was not checked' },
    reference: text,
    kind,
    revision: { ...text, description: 'Identifies the policy and its keys' },
    rule: { type: ['string', 'null'], description: 'The rule that decides; null if none matches' },
    steps: {
      type: 'array',
      description: 'The rules that were tried, in order',
      items: {
        type: 'object',
        required: ['rule', 'outcome'],
        properties: {
          rule: text,
          position: text,
          outcome: { type: 'string', enum: ['matches', 'other repository', 'other kind'] },
        },
      },
    },
    digest: { type: ['string', 'null'] },
    signatures: { type: ['integer', 'null'], description: 'Signatures and attestations that were found' },
    requirements: {
      type: ['array', 'null'],
      items: {
        type: 'object',
        required: ['met', 'wanted', 'threshold', 'held', 'refused'],
        properties: {
          met: { type: 'boolean' },
          attestation: text,
          wanted: { type: 'array', items: text },
          threshold: { type: 'integer' },
          held: { type: 'array', items: { $ref: 'HeldSignature#' } },
          refused: {
            type: 'array',
            items: { type: 'object', properties: { format: text, manifest: digest, wanted: text, reason: text } },
          },
        },
      },
    },
    refusal: {
      type: ['object', 'null'],
      properties: { kind: text, message: text },
      description: 'Why it is refused, or cannot be decided',
    },
  },
} as const;

const side = {
  type: 'object',
  required: ['reference', 'digest'],
  properties: { reference: text, digest },
} as const;

const diff = {
  $id: 'ProfileDiff',
  type: 'object',
  description: 'How two profiles differ in meaning.',
  required: ['from', 'to', 'kind', 'loosened', 'changes', 'rewritten'],
  properties: {
    from: side,
    to: side,
    kind,
    loosened: { type: 'boolean', description: 'Whether the second permits anything that the first denies' },
    changes: {
      type: 'array',
      items: {
        type: 'object',
        required: ['subject', 'direction', 'from', 'to'],
        properties: {
          subject: { ...text, description: 'A system call, or a rule of AppArmor' },
          direction: { type: 'string', enum: ['loosened', 'tightened', 'changed'] },
          from: text,
          to: text,
          where: text,
        },
      },
    },
    rewritten: { type: 'array', items: text, description: 'What is written in another way and means the same' },
  },
} as const;

const counts = {
  type: 'object',
  required: ['allowed', 'baseline', 'asked'],
  properties: { allowed: { type: 'integer' }, baseline: { type: 'integer' }, asked: { type: 'integer' } },
} as const;

const explanation = {
  $id: 'Explanation',
  type: 'object',
  description: 'What a profile permits on a node whose baseline is RuntimeDefault.',
  required: ['reference', 'digest', 'kind', 'baseline', 'constraints'],
  properties: {
    reference: text,
    digest,
    kind,
    baseline: text,
    constraints: {
      type: 'array',
      description: 'In which respects the effective profile is stricter than the profile',
      items: {
        type: 'object',
        required: ['subject', 'input', 'from', 'to', 'exact'],
        properties: { subject: text, input: text, from: text, to: text, exact: { type: 'boolean' } },
      },
    },
    counts: { ...counts, description: 'Numbers of system calls, of a seccomp profile' },
    syscalls: {
      type: 'array',
      description: 'What becomes of each system call, of a seccomp profile',
      items: {
        type: 'object',
        required: ['name', 'state'],
        properties: {
          name: text,
          state: { type: 'string', enum: ['allowed', 'conditional', 'stricter', 'asked', 'denied'] },
        },
      },
    },
  },
} as const;

const entry = {
  $id: 'CatalogEntry',
  type: 'object',
  description: 'One version of a profile, as the signer of the catalog states it.',
  required: ['digest', 'kind', 'tags', 'architectures', 'images', 'signers', 'annotations'],
  properties: {
    digest,
    kind,
    tags: { type: 'array', items: text },
    summary: text,
    architectures: { type: 'array', items: text },
    images: { type: 'array', items: text },
    subject: digest,
    created: { ...text, format: 'date-time' },
    signers: { type: 'array', items: { type: 'object', properties: { key: text, issuer: text, identity: text } } },
    calls: counts,
    annotations: { type: 'object', additionalProperties: text },
  },
} as const;

const found = {
  $id: 'CatalogProfile',
  type: 'object',
  description: 'A profile of a catalog, with its newest version.',
  required: ['repository', 'name', 'versions', 'newest'],
  properties: {
    repository: { ...text, description: 'registry/repository' },
    name: text,
    versions: { type: 'integer', description: 'Number of versions' },
    newest: { $ref: 'CatalogEntry#' },
  },
} as const;

const facet = {
  type: 'array',
  items: {
    type: 'object',
    required: ['value', 'count'],
    properties: { value: text, count: { type: 'integer' } },
  },
} as const;

const searched = {
  $id: 'CatalogPage',
  type: 'object',
  description: 'One page of the profiles that match.',
  required: ['profiles', 'total', 'facets'],
  properties: {
    profiles: { type: 'array', items: { $ref: 'CatalogProfile#' } },
    total: { type: 'integer' },
    facets: {
      type: 'object',
      description: 'The 100 most frequent values of each',
      properties: { kind: facet, signer: facet, image: facet, architecture: facet },
    },
    next: { ...text, description: 'The value of `after` for the next page; absent on the last one' },
    previous: { ...text, description: 'The value of `after` for the page before; absent on the first one' },
  },
} as const;

const versions = {
  $id: 'VersionPage',
  type: 'object',
  description: 'One page of the versions of a profile, the newest first.',
  required: ['repository', 'total', 'versions'],
  properties: {
    repository: text,
    total: { type: 'integer' },
    versions: { type: 'array', items: { $ref: 'CatalogEntry#' } },
    next: { ...text, description: 'The value of `after` for the next page; absent on the last one' },
  },
} as const;

const catalogs = {
  $id: 'CatalogList',
  type: 'object',
  description: 'The catalogs that the service follows.',
  required: ['catalogs'],
  properties: {
    catalogs: {
      type: 'array',
      items: {
        type: 'object',
        required: ['reference', 'profiles', 'versions'],
        properties: {
          reference: text,
          digest,
          built: { ...text, format: 'date-time' },
          profiles: { type: 'integer', description: 'Number of repositories' },
          versions: { type: 'integer', description: 'Number of artifacts in them' },
          problem: { ...text, description: 'Kind of the error of the last reading: the one before is in force' },
        },
      },
    },
  },
} as const;

/** The schemas that answers refer to by name. */
export const schemas = [
  ...[signature, verification, fetched, decision, diff, explanation],
  ...[entry, found, searched, versions, catalogs],
] as const;

type SchemaName = (typeof schemas)[number]['$id'];

/** Returns the answers of a route that answers with a named schema. */
export function answersWith(name: SchemaName) {
  const schema = { $ref: `${name}#` };
  const description = schemas.find(({ $id }) => $id === name)?.description ?? name;
  return {
    200: { description, content: { 'application/json': { schema } } },
    default: problemResponse,
  } as const;
}

/** The answers of a route with a profile, also by its bytes. */
export const profileAnswers = {
  200: {
    description: fetched.description,
    content: {
      'application/json': { schema: { $ref: 'VerifiedProfile#' } },
      'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
    },
  },
  304: { type: 'null', description: 'Nothing has changed since the answer that If-None-Match names.' },
  default: problemResponse,
} as const;
