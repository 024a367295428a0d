import type { ProfileArtifact } from '#lib/artifact/artifact';
import { pushBlobs, pushManifest } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { pullProfile } from '#lib/node/pull/pull-profile';
import type { RuntimeKind } from '#lib/profile/profile';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import type { CallOptions } from '#lib/registry/target';
import { traced } from '#lib/traced';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import { type Attached, attachAttestation, attachSignature } from '#lib/trust/sign/attach-signature';
import type { Signer } from '#lib/trust/sign/signer';
import { provenancePredicateType } from '#lib/trust/signature/predicate-type';
import type { Verification } from '#lib/trust/signature/signature';
import { legacyOnly } from '#lib/trust/verify/refusal';
import { KnownContent } from './known-content.ts';
import { moveTags } from './move-tags.ts';
import { planPublication } from './plan-publication.ts';
import type { PublicationPlan, PublishDependencies, Published, PublishRequest } from './publication.ts';
import { refuseUnmet } from './refused-publication.ts';

/** How the message of an error begins if the policy refuses what was sent. */
export const notTagged = 'sent, but not tagged: ';

/**
 * Publishes one profile: read, lint, pack, compare with what its tags hold, push, sign, attest,
 * read back, tag. The profile is stored byte for byte as given. The tags are written last, so that
 * nothing unsigned, incomplete or refused by the policy is ever found under them. If the first tag
 * holds the same artifact already, only what is missing is added. Throws InvalidInput for a
 * reference with a digest or a reserved tag, LimitExceeded for a profile that is too large,
 * ProfileInvalid for a profile that some runtime would refuse permanently, PublicationRefused if
 * `failOn` or `overwrite` forbids it, NotAllowed and SignatureInvalid if the policy refuses it, and
 * whatever the target and the signer throw.
 */
export async function publish(
  bytes: Uint8Array,
  request: PublishRequest,
  dependencies: PublishDependencies,
): Promise<Published> {
  return traced(
    () => ({ name: 'publish', kind: 'internal', attributes: {} }),
    async (attributes) => {
      const target = new KnownContent(dependencies.target);
      const plan = await planPublication(bytes, request, { ...dependencies, target });
      attributes['oci.manifest.digest'] = plan.artifact.descriptor.digest;
      refuseUnmet(plan, request);
      return carryOut(plan, request, { ...dependencies, target }, dependencies.target);
    },
  );
}

async function carryOut(
  plan: PublicationPlan,
  request: PublishRequest,
  dependencies: PublishDependencies & { readonly target: KnownContent },
  registry: PublishDependencies['target'],
): Promise<Published> {
  const { artifact, isHeld, profile, reference, tags } = plan;
  const { target, policy, signal } = dependencies;
  const options = signal === undefined ? {} : { signal };

  const [first, ...others] = tags;
  const blobs = isHeld ? pushMissing(target, artifact, options) : pushBlobs(target, artifact, options);
  const [signer] = await Promise.all([dependencies.signer, blobs]);
  // A single tag is written in one request with the manifest, if nothing has to be there before.
  const isChecked = policy !== undefined || request.failOn !== undefined || request.overwrite === false;
  const withManifest = signer === undefined && !isChecked && others.length === 0 && first?.change === 'created';
  const sent = isHeld
    ? Promise.resolve()
    : pushManifest(target, artifact, withManifest ? first.tag : undefined, options);
  const [attached] = await Promise.all([signAndAttest(plan, sent, signer, request, dependencies), sent]);
  const verification = policy && (await verifyPublished(reference, profile.kind, policy, dependencies, registry));
  const moved = withManifest ? tags : await moveTags(plan, request, target, options);

  return {
    ...plan,
    tags: moved,
    signature: attached.signature?.digest,
    alreadySigned: attached.signature?.alreadyThere ?? false,
    provenance: attached.provenance?.digest,
    alreadyAttested: attached.provenance?.alreadyThere ?? false,
    verification,
  };
}

/**
 * Pushes the blobs that a registry has lost. To push them without asking is faster, since most are
 * new, but sends something.
 */
async function pushMissing(
  target: KnownContent,
  { blobs, descriptor, manifestBytes }: ProfileArtifact,
  options: CallOptions,
): Promise<void> {
  target.keep(descriptor, manifestBytes);
  await Promise.all(
    blobs.map(async ({ descriptor, bytes }) => {
      if (await target.exists(descriptor, options)) target.keep(descriptor, bytes);
      else await target.push(descriptor, bytes, options);
    }),
  );
}

/**
 * Signs the artifact and, if there is provenance, attests it. `sent` resolves when the artifact's
 * manifest is at the target; the signature is made meanwhile.
 */
async function signAndAttest(
  { artifact: { descriptor }, tags: [first] }: PublicationPlan,
  sent: Promise<void>,
  signer: Signer | undefined,
  { reference, signatureFormat: format = 'bundle', provenance }: PublishRequest,
  { target, clock, signal }: PublishDependencies,
): Promise<{ readonly signature?: Attached; readonly provenance?: Attached }> {
  if (signer === undefined) return {};
  const options = signal === undefined ? {} : { signal };
  const request = { descriptor, reference, signer, format, created: clock() };
  const signature = await attachSignature(target, { ...request, sent }, options);
  if (provenance === undefined) return { signature };
  const attestation = { predicateType: provenancePredicateType, predicate: provenance };
  // What the tag holds was built before: a job that runs for another commit has not built it.
  const unlessAny = signature.alreadyThere && first?.change === 'unchanged';
  return { signature, provenance: await attachAttestation(target, { ...request, attestation, unlessAny }, options) };
}

/**
 * Verifies under the policy what the registry has confirmed, as a node would. What it has not
 * confirmed is read back. If the signatures that are known so far do not suffice, everything is
 * read back, with the signatures of others. Throws as readBack.
 */
async function verifyPublished(
  reference: PinnedReference,
  kind: RuntimeKind,
  policy: TrustPolicy,
  dependencies: PublishDependencies,
  registry: PublishDependencies['target'],
): Promise<Verification> {
  try {
    return await readBack(reference, kind, policy, dependencies);
  } catch (error) {
    if (!(error instanceof FairleadError) || error.kind !== 'SignatureInvalid') throw error;
    return readBack(reference, kind, policy, { ...dependencies, target: registry });
  }
}

/**
 * Pulls what was just sent, as a node would, and returns why the policy admits it. Throws as
 * pullProfile does; the message adds that nothing was tagged.
 */
async function readBack(
  reference: PinnedReference,
  kind: RuntimeKind,
  policy: TrustPolicy,
  { target, limits, signal }: PublishDependencies,
): Promise<Verification> {
  try {
    const options = signal === undefined ? {} : { signal };
    const pulled = await pullProfile(
      { reference, kind },
      { policy: { ...policy, limits }, connect: () => target, ...options },
    );
    return pulled.verification;
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    const { kind: errorKind, summary, ...rest } = error;
    const hint =
      errorKind === 'SignatureInvalid' && !error.hint?.startsWith(legacyOnly)
        ? 'Sign it as the rule requires: fairlead push again, or fairlead sign and fairlead tag.'
        : error.hint;
    throw new FairleadError(errorKind, `${notTagged}${summary}`, {
      ...rest,
      ...(hint && { hint }),
      cause: error,
    });
  }
}
