import type { Verification } from '#lib/trust/signature/signature';

/** Returns who signed an artifact: the file of the key, or the identity and its issuer. */
export function signersOf({ signatures }: Verification): readonly string[] {
  return [
    ...new Set(
      signatures.map(({ key, certificate }) =>
        certificate === undefined ? `key ${key}` : `${certificate.identity} (${certificate.issuer})`,
      ),
    ),
  ];
}
