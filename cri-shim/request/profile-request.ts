import { FairleadError } from '#lib/errors';
import { type PinnedReference, parsePinned } from '#lib/registry/pinned-reference';
import {
  SecurityProfileBase_BaseType as BaseType,
  SecurityProfile_ProfileType as ProfileType,
  type SecurityProfile,
} from '../../lib/cri/gen/cri_pb.js';
import { type Base, checkBase, parseLocalhostReference } from './localhost-reference.ts';

/** A profile artifact that a container or sandbox is to run under, however the pod said so. */
export interface ProfileRequest {
  readonly reference: PinnedReference;
  /** What to intersect it with besides the node's baseline. */
  readonly base?: Base;
}

/** What a CRI request says about the security profiles of one container or sandbox. */
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
  /**
   * The names under which an annotation speaks for it, the first first: the container's, then
   * `POD`.
   */
  readonly annotationNames: readonly string[];
}

/** CRI-O's annotations, the newer first. */
const annotationPrefixes = ['seccomp-profile.crio.io/', 'seccomp-profile.kubernetes.cri-o.io/'];
const localhostPrefix = 'localhost/';

/**
 * Finds the profile artifact that a container or sandbox asks for: by type OCI (KEP-6061), by a
 * Localhost reference in the field or the deprecated string, or, where the pod leaves seccomp unset
 * or Unconfined, by one of CRI-O's annotations. Gives undefined where it asks for none.
 *
 * Throws InvalidInput where the reference is not a good one, where the fields contradict each
 * other, and where the runtime would ignore the profile (privileged): what may ask for an artifact
 * is either applied or refused.
 */
export function profileRequest(fields: ProfileFields, seccompRoot: string): ProfileRequest | undefined {
  refuseAppArmor(fields);
  const byPath = pathRequest(fields.seccompProfilePath, seccompRoot);
  const byField = fields.seccomp === undefined ? byPath : fieldRequest(fields.seccomp, seccompRoot);
  if (byPath !== undefined && byField === undefined) {
    throw invalid(
      'seccomp_profile_path carries a reference, and seccomp says otherwise',
      'Set both alike, or leave the deprecated seccomp_profile_path empty.',
    );
  }
  const request = byField ?? annotationRequest(fields);
  if (request !== undefined && fields.privileged) {
    throw invalid(
      'a privileged container cannot run under a profile artifact: the runtime would ignore it',
      'Drop privileged, or the profile.',
    );
  }
  return request;
}

function fieldRequest(profile: SecurityProfile, seccompRoot: string): ProfileRequest | undefined {
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
      `base profile type ${baseProfile.type} with localhost_ref ${JSON.stringify(baseProfile.localhostRef)} makes no sense`,
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

function pathRequest(value: string, seccompRoot: string): ProfileRequest | undefined {
  if (!value.startsWith(localhostPrefix)) {
    // Not a path for the runtime; what looks like a reference all the same is caught here.
    parseLocalhostReference(value, seccompRoot);
    return undefined;
  }
  const path = value.slice(localhostPrefix.length);
  return parseLocalhostReference(path.startsWith('/') ? path : `/${path}`, seccompRoot);
}

function annotationRequest(fields: ProfileFields): ProfileRequest | undefined {
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
 * AppArmor profiles cannot be pulled yet: what asks for one is refused, since the runtime would
 * take the reference for a name.
 */
function refuseAppArmor({ apparmor, apparmorProfile = '' }: ProfileFields): void {
  const asks =
    apparmor?.profileType === ProfileType.OCI ||
    (apparmor !== undefined && (apparmor.ociRef !== '' || apparmor.baseProfile !== undefined)) ||
    [apparmor?.localhostRef ?? '', apparmorProfile].some((name) => /@sha(?:256|512):/.test(name));
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
