import { problemResponse } from '#lib/http/open-api';

/** The query of a request to publish. */
export const querySchema = {
  type: 'object',
  required: ['reference'],
  additionalProperties: false,
  properties: {
    reference: { type: 'string', maxLength: 512, description: 'The target: registry/repository:tag' },
    title: {
      type: 'string',
      maxLength: 255,
      description: 'File name of the profile. It is part of the artifact, and so of its digest',
    },
  },
} as const;

const publishedSchema = {
  type: 'object',
  description: 'The profile is published under this reference.',
  required: ['reference', 'tag', 'digest', 'kind', 'findings', 'signature', 'alreadySigned'],
  properties: {
    reference: { type: 'string', description: 'The reference pinned to the digest, as pods name it' },
    tag: { type: ['string', 'null'], description: 'The tag that points to it; null if the reference had none' },
    digest: { type: 'string' },
    kind: { type: 'string', enum: ['Seccomp', 'AppArmor'] },
    signature: { type: ['string', 'null'], description: "Digest of the signature's manifest" },
    alreadySigned: {
      type: 'boolean',
      description: 'The same digest is already signed with the same key, so no signature was added.',
    },
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

/** The answers to it. */
export const responses = { 201: publishedSchema, default: problemResponse } as const;
