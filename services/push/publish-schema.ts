import { problemResponse } from '#lib/http/open-api';

const titleDescription = 'File name of the profile. It is part of the artifact, and so of its digest';
const failOn = {
  type: 'string',
  enum: ['loosened'],
  description: 'Refuse a profile that permits more than the one that the tag holds now',
} as const;
const overwrite = {
  type: 'string',
  enum: ['true', 'false'],
  description: 'false to refuse to replace what the tag holds now',
} as const;
const dryRun = {
  type: 'string',
  enum: ['true', 'false', 'unsigned'],
  description:
    'true to send nothing: the answer is 200, with the digest, and the statement that a caller may sign. unsigned does the same without a signature: the caller signs later',
} as const;

/** The query of a request to publish. */
export const querySchema = {
  type: 'object',
  required: ['reference'],
  additionalProperties: false,
  properties: {
    reference: { type: 'string', maxLength: 512, description: 'The target: registry/repository:tag' },
    title: { type: 'string', maxLength: 255, description: titleDescription },
    failOn,
    overwrite,
    dryRun,
  },
} as const;

/** The query of a request to publish several profiles. */
export const manyQuerySchema = { type: 'object', additionalProperties: false, properties: { dryRun } } as const;

const commonProperties = {
  reference: { type: 'string', description: 'The reference pinned to the digest, as pods name it' },
  tag: { type: ['string', 'null'], description: 'The tag that points to it; null if the reference had none' },
  digest: { type: 'string' },
  kind: { type: 'string', enum: ['Seccomp', 'AppArmor'] },
  findings: {
    type: 'array',
    items: {
      type: 'object',
      required: ['code', 'severity', 'message', 'pointer'],
      properties: {
        code: { type: 'string' },
        severity: { type: 'string', enum: ['error', 'warning', 'info'] },
        message: { type: 'string' },
        pointer: { type: 'string' },
      },
    },
  },
} as const;

const publishedSchema = {
  type: 'object',
  description: 'The profile is published under this reference.',
  required: ['reference', 'tag', 'digest', 'kind', 'findings', 'signature', 'alreadySigned'],
  properties: {
    ...commonProperties,
    signature: { type: ['string', 'null'], description: "Digest of the signature's manifest" },
    alreadySigned: {
      type: 'boolean',
      description: 'The same digest is already signed with the same key, or has the same bundle, so none was added.',
    },
  },
} as const;

const plannedSchema = {
  type: 'object',
  description: 'The profile would be published under this reference. Nothing was sent.',
  required: ['reference', 'tag', 'digest', 'kind', 'findings', 'change', 'descriptor', 'alreadySigned', 'statement'],
  properties: {
    ...commonProperties,
    change: { type: 'string', enum: ['created', 'moved', 'unchanged'], description: 'What would happen to the tag' },
    descriptor: {
      type: 'object',
      required: ['mediaType', 'digest', 'size'],
      properties: { mediaType: { type: 'string' }, digest: { type: 'string' }, size: { type: 'integer' } },
    },
    alreadySigned: {
      type: 'boolean',
      description: 'The same digest is already published, with signatures that the policy accepts.',
    },
    statement: {
      type: 'string',
      description: 'The in-toto statement to sign, in a DSSE envelope (application/vnd.in-toto+json)',
    },
  },
} as const;

/** The body of it. */
export const bodySchema = {
  content: {
    'application/json': {
      schema: {
        description: 'A seccomp profile (runtime-spec, linux.seccomp) or a structured AppArmor profile (KEP-6061).',
      },
    },
    'application/octet-stream': { schema: { description: 'The same, if a client has no better name for it.' } },
  },
} as const;

/**
 * The body of a request to publish several profiles, for the document of the API. The parts are
 * read in order, and are not validated by it.
 */
export const manyBodySchema = {
  content: {
    'multipart/form-data': {
      schema: {
        type: 'object',
        // The parser of the form sets no body.
        nullable: true,
        description:
          'For each profile its fields and then the profile, in this order. The fields apply to the next profile only.',
        properties: {
          reference: { description: 'The target: registry/repository:tag' },
          title: { description: titleDescription },
          failOn: { description: failOn.description },
          overwrite: { description: overwrite.description },
          bundle: {
            description:
              'A Sigstore bundle of the caller for the artifact (see dryRun), instead of a signature of the service',
          },
          profile: { description: 'The profile, as a file. It is published byte for byte' },
        },
      },
    },
  },
} as const;

/** The answers to a request to publish. */
export const responses = { 200: plannedSchema, 201: publishedSchema, default: problemResponse } as const;

/** The answers to a request to publish several profiles. */
export const manyResponses = {
  200: {
    type: 'object',
    description: 'All profiles would be published. Nothing was sent.',
    required: ['publications'],
    properties: { publications: { type: 'array', items: plannedSchema } },
  },
  201: {
    type: 'object',
    description: 'All profiles are published, in the order of the request.',
    required: ['publications'],
    properties: { publications: { type: 'array', items: publishedSchema } },
  },
  default: problemResponse,
} as const;
