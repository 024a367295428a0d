// The public surface of `fairlead/trust`. Inside Fairlead, import the files themselves.
export { type ErrorKind, FairleadError } from '#lib/errors';
export {
  type Attached,
  type AttestationRequest,
  attachAttestation,
  attachSignature,
  type SignatureRequest,
} from './attach-signature.ts';
export { authorize, type Decision, type DecisionStep, decide } from './authorize.ts';
export { type Explanation, explainDecision } from './explain-decision.ts';
export type { CertificateIdentity, Expected, ExpectedIdentity } from './identity.ts';
export {
  generateKeyPair,
  type KeyPairFiles,
  loadPrivateKey,
  loadPublicKey,
  type PublicKey,
  type Signer,
} from './key.ts';
export { keyPolicy } from './key-policy.ts';
export { type KeylessOptions, keylessSigner } from './keyless-signer.ts';
export { loadPolicy } from './load-policy.ts';
export { type LogOptions, loggedSigner } from './logged-signer.ts';
export { openTrustedRoot } from './open-trusted-root.ts';
export type {
  Alternative,
  AttestationRequirement,
  LogUse,
  Requirement,
  Rule,
  SigstoreRoot,
  TrustPolicy,
} from './policy.ts';
export type { NetworkOptions } from './service-client.ts';
export type { StatementSigner } from './sign-artifact.ts';
export type { HeldSignature, Signature, SignatureFormat, Verification } from './signature.ts';
export type { Attestation } from './statement.ts';
export { type VerifiedArtifact, type VerifyRequest, verifyArtifact } from './verify-artifact.ts';
export { verifySignatures } from './verify-signatures.ts';
