import { FairleadError } from '#lib/errors';
import { type CertificateIdentity, type ExpectedIdentity, identityProblem } from '../../signature/identity.ts';

/** Throws SignatureInvalid unless a certificate is for the expected identity. */
export function assertIdentity(found: CertificateIdentity, expected: ExpectedIdentity): void {
  const problem = identityProblem(found, expected);
  if (problem !== undefined) throw new FairleadError('SignatureInvalid', problem);
}
