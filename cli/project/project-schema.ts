import * as v from 'valibot';

const text = v.pipe(v.string(), v.nonEmpty('empty value'), v.maxLength(4096));
const annotations = v.record(text, v.pipe(v.string(), v.maxLength(4096)));

const signerKeys = {
  key: v.exactOptional(text),
  passphraseFile: v.exactOptional(text),
  keyless: v.exactOptional(v.literal(true)),
  signingConfig: v.exactOptional(text),
  trustedRoot: v.exactOptional(text),
  unsigned: v.exactOptional(v.literal(true)),
};

/** What may be set for the project, and for a profile in its place. */
const sharedKeys = {
  repository: v.exactOptional(text),
  version: v.exactOptional(text),
  tag: v.exactOptional(text),
  annotations: v.exactOptional(annotations),
  signer: v.exactOptional(v.strictObject(signerKeys)),
  policy: v.exactOptional(text),
};

const profileKeys = {
  file: v.exactOptional(text),
  directory: v.exactOptional(text),
  name: v.exactOptional(v.pipe(text, v.regex(/^[^\p{C}]+$/u, 'invalid name: control characters'))),
  subject: v.exactOptional(text),
  ...sharedKeys,
};

const projectKeys = {
  ...sharedKeys,
  latest: v.exactOptional(v.boolean()),
  failOn: v.exactOptional(v.literal('loosened')),
  overwrite: v.exactOptional(v.boolean()),
  profiles: v.pipe(
    v.array(v.strictObject(profileKeys)),
    v.nonEmpty('empty list: want at least one profile'),
    v.maxLength(10_000),
  ),
};

/** The content of a project file, fairlead.yaml. */
export const projectSchema = v.strictObject(projectKeys);

export type ProjectInput = v.InferOutput<typeof projectSchema>;
export type ProfileInput = ProjectInput['profiles'][number];
export type SignerInput = NonNullable<ProjectInput['signer']>;

/** The keys that are valid below a key; '' is the top. */
export const keysBelow: Readonly<Record<string, object>> = {
  '': projectKeys,
  profiles: profileKeys,
  signer: signerKeys,
};
