import { problemResponse } from '#lib/http/open-api';

/** The query of a request for a profile. */
export const querySchema = {
  type: 'object',
  required: ['reference'],
  additionalProperties: false,
  properties: {
    reference: { type: 'string', maxLength: 512, description: 'registry/repository:tag or …@sha256:…' },
    kind: { type: 'string', enum: ['Seccomp', 'AppArmor'], default: 'Seccomp', description: 'The kind of profile' },
  },
} as const;

const pulledSchema = {
  type: 'object',
  description: 'The profile, and the reason why it may be used.',
  required: ['reference', 'digest', 'kind', 'verification', 'profile'],
  properties: {
    reference: { type: 'string' },
    digest: { type: 'string' },
    kind: { type: 'string', enum: ['Seccomp', 'AppArmor'] },
    verification: {
      type: 'object',
      required: ['rule', 'unsigned', 'signatures'],
      properties: {
        rule: { type: 'string', description: 'The rule of the trust policy that allowed it' },
        unsigned: { type: 'boolean' },
        signatures: {
          type: 'array',
          items: {
            type: 'object',
            required: ['format', 'manifest'],
            properties: {
              attestation: {
                type: 'string',
                description: 'The predicate type, if the rule requires an attestation',
              },
              format: { type: 'string' },
              manifest: { type: 'string', description: 'Digest of the manifest that carried the signature' },
              key: { type: 'string', description: "The key's file name" },
              keyFingerprint: { type: 'string', description: "SHA-256 of the key's SPKI DER, hex" },
              logIndexes: {
                type: 'array',
                items: { type: 'string' },
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
                properties: {
                  issuer: { type: 'string' },
                  identity: { type: 'string' },
                  claims: { type: 'object', additionalProperties: { type: 'string' } },
                },
              },
            },
          },
        },
      },
    },
    profile: { type: 'object', description: "The profile, in the runtime's own format" },
  },
} as const;

/** The answers to it. */
export const responses = {
  200: {
    description: pulledSchema.description,
    content: {
      'application/json': { schema: pulledSchema },
      'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
    },
  },
  304: { type: 'null', description: 'The artifact is the one that If-None-Match names, and may still be used.' },
  default: problemResponse,
} as const;
