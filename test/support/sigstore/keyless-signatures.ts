import assert from 'node:assert/strict';
import { FairleadError } from '#lib/errors';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { parseReference } from '#lib/registry/reference';
import type { Rule } from '#lib/trust/policy/policy';
import { readTrustedRoot } from '#lib/trust/roots/read-trusted-root';
import type { LogUse } from '#lib/trust/roots/trusted-root';
import type { ExpectedIdentity } from '#lib/trust/signature/identity';
import type { Signature } from '#lib/trust/signature/signature';
import { verifySignatures } from '#lib/trust/verify/verify-signatures';
import type { BundleJson, KeylessOptions, PrivateSigstore } from './private-sigstore.ts';

export const reference = parseReference('registry.example.com/security/nginx:v1');
export const artifact = descriptorOf('artifact');
export const other = descriptorOf('another artifact');
export const identity = 'https://github.com/acme/profiles/.github/workflows/publish.yml@refs/heads/main';
export const issuer = 'https://token.actions.githubusercontent.com';
export const signedAs: KeylessOptions = { identity, issuer };
export const expected: ExpectedIdentity = { issuer: { exact: issuer }, identity: { exact: identity }, claims: {} };

/** Returns the descriptor of a manifest with this content. */
export function descriptorOf(content: string): Descriptor {
  const bytes = Buffer.from(content);
  return { mediaType: mediaTypes.manifest, digest: digestOf(bytes), size: bytes.length };
}

/** Reads a trusted root. */
export function rootOf(trustedRoot: object): ReturnType<typeof readTrustedRoot> {
  return readTrustedRoot(Buffer.from(JSON.stringify(trustedRoot)));
}

/**
 * Returns a rule that requires the expected identity, with changes, under the trusted root of a
 * Sigstore.
 */
export function keylessRule(
  from: PrivateSigstore,
  { use = 'required', keyless = {} }: { use?: LogUse; keyless?: Partial<ExpectedIdentity> } = {},
): Rule {
  const log = { use, root: rootOf(from.trustedRoot) };
  return { match: '**', unsigned: false, require: [{ anyOf: [{ keyless: { ...expected, ...keyless }, log }] }] };
}

/** Returns a bundle as it is found beside an artifact. */
export function bundled(json: BundleJson): Signature {
  const bytes = Buffer.from(JSON.stringify(json));
  return { format: 'bundle', manifest: digestOf(bytes), bundle: bytes };
}

/** Verifies that a rule accepts the signature as that of the expected identity. */
export function accepts(signature: Signature, rule: Rule): void {
  const { signatures } = verifySignatures(artifact, reference, [signature], rule);
  assert.equal(signatures[0]?.certificate?.identity, identity);
  assert.equal(signatures[0]?.certificate?.issuer, issuer);
}

/** Verifies that a rule refuses the signature, with SignatureInvalid. */
export function refuses(signature: Signature, rule: Rule, message: RegExp): void {
  assert.throws(
    () => verifySignatures(artifact, reference, [signature], rule),
    (error) => {
      assert.ok(error instanceof FairleadError, String(error));
      assert.equal(error.kind, 'SignatureInvalid');
      assert.match(error.message, message);
      return true;
    },
  );
}
