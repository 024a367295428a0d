import * as v from 'valibot';

const fileName = v.pipe(v.string(), v.nonEmpty('empty value: want a file name'), v.maxLength(4096));
const text = v.pipe(v.string(), v.nonEmpty('empty value'), v.maxLength(1024));
const pattern = v.pipe(
  text,
  v.regex(/[^*/:]/, 'the pattern matches everything: want a character other than *, / and :'),
);
const list = <const Item extends v.GenericSchema>(item: Item, most: number) =>
  v.pipe(v.array(item), v.nonEmpty('empty list'), v.maxLength(most));

const issuerKeys = {
  issuer: v.pipe(text, v.url('invalid URL')),
  url: v.exactOptional(v.pipe(text, v.url('invalid URL'))),
  certificateAuthority: v.exactOptional(fileName),
  tokenFile: v.exactOptional(fileName),
};
const ruleKeys = {
  anyone: v.exactOptional(v.literal(true, 'invalid value: want true, or no "anyone"')),
  token: v.exactOptional(v.literal(true, 'invalid value: want true, or no "token"')),
  issuer: v.exactOptional(text),
  subject: v.exactOptional(pattern),
  claims: v.exactOptional(v.record(text, pattern)),
  verbs: list(v.picklist(['publish', 'read']), 2),
  repositories: list(v.pipe(v.string(), v.maxLength(512)), 256),
  tags: v.exactOptional(list(v.pipe(v.string(), v.regex(/^[\w.*-]{1,128}$/, 'invalid pattern of a tag')), 64)),
  kinds: v.exactOptional(list(v.picklist(['Seccomp', 'AppArmor']), 2)),
};
const authorizationKeys = {
  apiVersion: v.literal('fairlead.dev/v1'),
  kind: v.literal('Authorization'),
  issuers: v.exactOptional(v.pipe(v.array(v.strictObject(issuerKeys)), v.maxLength(64))),
  rules: v.exactOptional(v.pipe(v.array(v.strictObject(ruleKeys)), v.maxLength(1000))),
};

/**
 * The schema of an authorization file, from which docs/reference/authorization.schema.json is
 * generated. parseAuthorization checks what a schema cannot express.
 */
export const authorizationSchema = v.strictObject(authorizationKeys);

/** The keys that are valid below each key; '' is the top. */
export const keysBelow: Readonly<Record<string, object>> = {
  '': authorizationKeys,
  issuers: issuerKeys,
  rules: ruleKeys,
};

export type IssuerInput = v.InferOutput<v.StrictObjectSchema<typeof issuerKeys, undefined>>;
export type RuleInput = v.InferOutput<v.StrictObjectSchema<typeof ruleKeys, undefined>>;
