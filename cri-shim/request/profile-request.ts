import { FairleadError } from '#lib/errors';
import type { InstallableKind } from '#lib/node/install/install-profile';
import { mayNameArtifact } from '#lib/node/reference/localhost-profile';
import { parsePinned } from '#lib/registry/pinned-reference';
import {
  SecurityProfileBase_BaseType as BaseType,
  SecurityProfile_ProfileType as ProfileType,
  type SecurityProfile,
} from '../../lib/cri/gen/cri_pb.js';
import { checkBase, parseLocalhostReference, type RequestedArtifact } from './localhost-reference.ts';

/** The profile artifact that a container or sandbox requests, in any of the supported forms. */
export interface ProfileRequest extends RequestedArtifact {
  readonly kind: InstallableKind;
}

/** What a CRI request specifies about the security profiles of one container or sandbox. */
export interface ProfileFields {
  readonly seccomp?: SecurityProfile | undefined;
  /** The deprecated string field: `localhost/<path>`, `runtime/default`, `unconfined`. */
  readonly seccompProfilePath: string;
  readonly apparmor?: SecurityProfile | undefined;
  /** The deprecated string field of AppArmor. */
  readonly apparmorProfile?: string;
  readonly privileged: boolean;
  /** Annotations of the pod. */
  readonly annotations: Readonly<Record<string, string>>;
  /** The names to look up in annotation keys, in order: the container, then `POD`. */
  readonly annotationNames: readonly string[];
}

/** Prefixes of CRI-O's annotations, the newer one first. */
const annotationPrefixes = ['seccomp-profile.crio.io/', 'seccomp-profile.kubernetes.cri-o.io/'];
const localhostPrefix = 'localhost/';

/**
 * Returns the profile artifact that a container or sandbox requests: by type OCI (KEP-6061), by a
 * Localhost reference in the field or the deprecated string, or, if the pod leaves seccomp unset or
 * Unconfined, by one of CRI-O's annotations. Returns undefined if it requests none.
 *
 * A request that may be for an artifact is either applied or refused. Throws InvalidInput for an
 * invalid reference, for fields that contradict each other, for a container whose profile the
 * runtime would ignore (privileged), and for a kind that nodes cannot install.
 */
export function profileRequest(fields: ProfileFields, seccompRoot: string): ProfileRequest | undefined {
  refuseAppArmor(fields);
  const found = seccompReference(fields, seccompRoot);
  if (found === undefined) return undefined;
  if (fields.privileged) {
    throw invalid(
      'a privileged container cannot run under a profile artifact: the runtime would ignore it',
      'Remove privileged, or the profile.',
    );
  }
  return { kind: 'Seccomp', ...found };
}

function seccompReference(fields: ProfileFields, seccompRoot: string): RequestedArtifact | undefined {
  const byPath = pathReference(fields.seccompProfilePath, seccompRoot);
  const byField = fields.seccomp === undefined ? byPath : fieldReference(fields.seccomp, seccompRoot);
  if (byPath !== undefined && byField === undefined) {
    throw invalid(
      'seccomp_profile_path is a reference, and seccomp specifies something else',
      'Set both alike, or leave the deprecated seccomp_profile_path empty.',
    );
  }
  return byField ?? annotationReference(fields);
}

function fieldReference(profile: SecurityProfile, seccompRoot: string): RequestedArtifact | undefined {
  const { profileType, localhostRef, ociRef, baseProfile } = profile;
  if (profileType === ProfileType.OCI) {
    if (localhostRef !== '') throw invalid('a seccomp profile of type OCI has a localhost_ref', 'Set oci_ref only.');
    const reference = parsePinned(ociRef);
    if (baseProfile === undefined) return { reference };
    if (baseProfile.type === BaseType.RuntimeDefault && baseProfile.localhostRef === '') {
      return { reference, base: 'RuntimeDefault' };
    }
    if (baseProfile.type === BaseType.Localhost) {
      return { reference, base: { path: checkBase(baseProfile.localhostRef, seccompRoot) } };
    }
    throw invalid(
      `invalid base profile: type ${baseProfile.type} with localhost_ref ${JSON.stringify(baseProfile.localhostRef)}`,
      'A base is RuntimeDefault, or Localhost with a path.',
    );
  }
  if (ociRef !== '' || baseProfile !== undefined) {
    throw invalid(`a seccomp profile of type ${profileType} has an oci_ref or a base`, 'Only type OCI may have them.');
  }
  const found = parseLocalhostReference(localhostRef, seccompRoot);
  if (found === undefined) return undefined;
  if (profileType !== ProfileType.Localhost) {
    throw invalid(`a seccomp profile of type ${profileType} has a reference as localhost_ref`, 'Set type Localhost.');
  }
  return found;
}

function pathReference(value: string, seccompRoot: string): RequestedArtifact | undefined {
  if (!value.startsWith(localhostPrefix)) {
    // Not a path for the runtime. The call refuses values that look like a reference.
    parseLocalhostReference(value, seccompRoot);
    return undefined;
  }
  const path = value.slice(localhostPrefix.length);
  return parseLocalhostReference(path.startsWith('/') ? path : `/${path}`, seccompRoot);
}

function annotationReference(fields: ProfileFields): RequestedArtifact | undefined {
  const { seccomp, seccompProfilePath, annotations } = fields;
  const open =
    seccomp === undefined
      ? seccompProfilePath === '' || seccompProfilePath === 'unconfined'
      : seccomp.profileType === ProfileType.Unconfined;
  if (!open) return undefined;
  for (const name of fields.annotationNames) {
    for (const prefix of annotationPrefixes) {
      const key = `${prefix}${name}`;
      if (Object.hasOwn(annotations, key)) return { reference: parsePinned(annotations[key] as string) };
    }
  }
  return undefined;
}

/**
 * Refuses requests for an AppArmor artifact: nodes cannot install it, and the runtime would read
 * the reference as the name of a policy.
 */
function refuseAppArmor({ apparmor, apparmorProfile = '' }: ProfileFields): void {
  const asks =
    apparmor?.profileType === ProfileType.OCI ||
    (apparmor !== undefined && (apparmor.ociRef !== '' || apparmor.baseProfile !== undefined)) ||
    [apparmor?.localhostRef ?? '', apparmorProfile].some((name) => mayNameArtifact(name.replace(localhostPrefix, '')));
  if (asks) {
    throw invalid(
      'AppArmor profiles cannot be pulled as artifacts by this shim',
      'Load the AppArmor profile on the node and name it as Localhost.',
    );
  }
}

function invalid(message: string, hint: string): FairleadError {
  return new FairleadError('InvalidInput', message, { hint });
}
