// The public surface of `fairlead/trust`. Inside Fairlead, import the files themselves.
export { type ErrorKind, FairleadError } from '#lib/errors';
export type { NetworkOptions } from '../network/network-options.ts';
export {
  generateKeyPair,
  type KeyPairFiles,
  loadPrivateKey,
  loadPublicKey,
  type PrivateKey,
  type PublicKey,
} from './keys/key.ts';
export { createKmsKey, openKmsKey, openKmsPublicKey } from './kms/kms-key.ts';
export { authorize, type DecisionStep, decide, type PolicyDecision, type RepositoryName } from './policy/authorize.ts';
export { keyPolicy } from './policy/key-policy.ts';
export { loadPolicy, type PolicyReading } from './policy/load-policy.ts';
export type { Baseline, IgnoredAnnotations, NodePolicy, Policy, VerifyCredentials } from './policy/node-policy.ts';
export type {
  Alternative,
  AttestationRequirement,
  KeylessRequirement,
  KeyRequirement,
  Requirement,
  Rule,
  TrustPolicy,
} from './policy/policy.ts';
export type { ExpectedProvenance, ProvenanceFact, ProvenanceFacts } from './policy/provenance.ts';
export { openTrustedRoot } from './roots/open-trusted-root.ts';
export type { LogUse, SigstoreRoot, Witnessed } from './roots/trusted-root.ts';
export {
  type Attached,
  type AttestationRequest,
  attachAttestation,
  attachSignature,
  type SignatureRequest,
} from './sign/attach-signature.ts';
export { type KeySigner, keySigner } from './sign/key-signer.ts';
export { type KeylessSignerOptions, keylessSigner } from './sign/keyless-signer.ts';
export { type LoggedSignerOptions, loggedSigner } from './sign/logged-signer.ts';
export type { Signer } from './sign/signer.ts';
export type { CertificateIdentity, Claim, Expected, ExpectedIdentity } from './signature/identity.ts';
export type { SignedContent } from './signature/read/signed-content.ts';

export type { HeldSignature, Signature, SignatureFormat, SignedBy, Verification } from './signature/signature.ts';
export { type Attestation, type FileSubject, fileStatement } from './signature/statement.ts';
export type { Examined, RefusedSignature } from './verify/examined.ts';
export { type DecisionExplanation, explainDecision } from './verify/explain-decision.ts';
export { type VerifiedArtifact, type VerifyRequest, verifyArtifact } from './verify/verify-artifact.ts';
export { type BlobRequest, type VerifiedBlob, verifyBlob } from './verify/verify-blob.ts';
export { verifySignatures } from './verify/verify-signatures.ts';
