import { isDeepStrictEqual } from 'node:util';
import { FairleadError } from '#lib/errors';
import { containsProfileName } from '#lib/node/install/apparmor/profile-name';
import type { InstallableKind } from '#lib/node/install/install-profile';
import { mayNameArtifact, parseLocalhostProfile } from '#lib/node/reference/localhost-profile';
import { parsePinned } from '#lib/registry/pinned-reference';
import { formatReference } from '#lib/registry/reference';
import { quote } from '#lib/text/quote';
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
  /** The same field of AppArmor: `localhost/<name>`, `runtime/default`, `unconfined`. */
  readonly apparmorProfile?: string;
  /** Whether the runtime applies AppArmor profiles: it does not to sandboxes. */
  readonly appliesAppArmor: boolean;
  readonly privileged: boolean;
  /** Annotations of the pod. */
  readonly annotations: Readonly<Record<string, string>>;
  /** The names to look up in annotation keys, in order: the container, then `POD`. */
  readonly annotationNames: readonly string[];
}

/** Prefixes of CRI-O's annotations, the newer one first. */
const annotationPrefixes = ['seccomp-profile.crio.io/', 'seccomp-profile.kubernetes.cri-o.io/'];
const localhostPrefix = 'localhost/';
/** CRI-O reads a base without a type as RuntimeDefault; the text of KEP-6061 numbers that 1. */
const defaultBases: readonly BaseType[] = [BaseType.BaseTypeUnspecified, BaseType.RuntimeDefault];

/**
 * Returns the profile artifacts that a container or sandbox requests, at most one of each kind: by
 * type OCI (KEP-6061), by a Localhost reference in the field or the deprecated string, or, if the
 * pod leaves seccomp unset or Unconfined, by one of CRI-O's annotations.
 *
 * A request that may be for an artifact is either applied or refused. Throws InvalidInput for an
 * invalid reference, for fields that contradict each other, and for a profile that the runtime
 * would ignore: of a privileged container, or of AppArmor for a sandbox.
 */
export function profileRequests(fields: ProfileFields, seccompRoot: string): readonly ProfileRequest[] {
  const seccomp = seccompReference(fields, seccompRoot);
  const appArmor = appArmorReference(fields);
  if (appArmor !== undefined && !fields.appliesAppArmor) {
    throw invalid(
      'a sandbox cannot run under an AppArmor artifact: the runtime would ignore it',
      'Remove the AppArmor profile from the sandbox. Those of the containers are applied.',
    );
  }
  if ((seccomp ?? appArmor) !== undefined && fields.privileged) {
    throw invalid(
      'a privileged container cannot run under a profile artifact: the runtime would ignore it',
      'Remove privileged, or the profile.',
    );
  }
  return [
    ...(seccomp === undefined ? [] : [{ kind: 'Seccomp' as const, ...seccomp }]),
    ...(appArmor === undefined ? [] : [{ kind: 'AppArmor' as const, ...appArmor }]),
  ];
}

/**
 * Returns the keys of CRI-O's annotations that name an artifact to which a container is not
 * confined, because it specifies another seccomp profile.
 */
export function ignoredAnnotations(fields: ProfileFields, requests: readonly ProfileRequest[]): readonly string[] {
  if (isOpen(fields)) return [];
  const requested = requests
    .filter(({ kind }) => kind === 'Seccomp')
    .map(({ reference }) => formatReference(reference));
  return annotationKeys(fields).filter((key) => !requested.includes(fields.annotations[key] ?? ''));
}

function seccompReference(fields: ProfileFields, seccompRoot: string): RequestedArtifact | undefined {
  const byPath = pathReference(fields.seccompProfilePath, seccompRoot);
  const byField = fields.seccomp === undefined ? byPath : fieldReference(fields.seccomp, seccompRoot);
  if (byPath !== undefined && (byField === undefined || !isSameRequest(byPath, byField))) {
    throw invalid(
      'seccomp_profile_path is a reference, and seccomp specifies something else',
      'Set both alike, or leave the deprecated seccomp_profile_path empty.',
    );
  }
  return byField ?? annotationReference(fields);
}

/** Reports whether two requests are for the same artifact, to be applied in the same way. */
function isSameRequest(one: RequestedArtifact, other: RequestedArtifact): boolean {
  return (
    formatReference(one.reference) === formatReference(other.reference) &&
    isDeepStrictEqual(one.base, other.base) &&
    one.mode === other.mode
  );
}

function fieldReference(profile: SecurityProfile, seccompRoot: string): RequestedArtifact | undefined {
  const { profileType, localhostRef, ociRef, baseProfile } = profile;
  if (profileType === ProfileType.OCI) {
    if (localhostRef !== '') throw invalid('a seccomp profile of type OCI has a localhost_ref', 'Set oci_ref only.');
    const requested = { reference: parsePinned(ociRef), pulledByKubelet: true } as const;
    if (baseProfile === undefined) return requested;
    if (defaultBases.includes(baseProfile.type) && baseProfile.localhostRef === '') {
      return { ...requested, base: 'RuntimeDefault' };
    }
    if (baseProfile.type === BaseType.Localhost) {
      return { ...requested, base: { path: checkBase(baseProfile.localhostRef, seccompRoot) } };
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
    // Not a path for the runtime. The call refuses other values that look like a reference.
    if (parseLocalhostReference(value, seccompRoot) === undefined) return undefined;
    throw invalid(
      `seccomp_profile_path ${quote(value, 600)} is a reference without localhost/`,
      'Write localhost/, and then the path.',
    );
  }
  const path = value.slice(localhostPrefix.length);
  return parseLocalhostReference(path.startsWith('/') ? path : `/${path}`, seccompRoot);
}

function annotationReference(fields: ProfileFields): RequestedArtifact | undefined {
  if (!isOpen(fields)) return undefined;
  const [key] = annotationKeys(fields);
  return key === undefined ? undefined : { reference: parsePinned(fields.annotations[key] as string) };
}

/** Reports whether a pod leaves seccomp to an annotation: unset, or Unconfined. */
function isOpen({ seccomp, seccompProfilePath }: ProfileFields): boolean {
  return seccomp === undefined
    ? seccompProfilePath === '' || seccompProfilePath === 'unconfined'
    : seccomp.profileType === ProfileType.Unconfined;
}

/** Returns the keys of CRI-O's annotations that are set, those that decide first. */
function annotationKeys({ annotations, annotationNames }: ProfileFields): readonly string[] {
  return annotationNames
    .flatMap((name) => annotationPrefixes.map((prefix) => `${prefix}${name}`))
    .filter((key) => Object.hasOwn(annotations, key));
}

/**
 * Returns the AppArmor artifact that a container requests, by the field or the deprecated string.
 * The kubelet sets both alike. Runtimes differ in which of them counts, so they must agree.
 */
function appArmorReference({ apparmor, apparmorProfile = '' }: ProfileFields): RequestedArtifact | undefined {
  const byName = appArmorNameReference(withoutPrefix(apparmorProfile));
  if (apparmor === undefined) {
    if (byName !== undefined && !apparmorProfile.startsWith(localhostPrefix)) {
      throw invalid(
        `apparmor_profile ${quote(apparmorProfile, 600)} is a reference without localhost/`,
        'Write localhost/oci/registry/repository@sha256:….',
      );
    }
    return byName;
  }
  const byField = appArmorFieldReference(apparmor);
  const name = apparmor.profileType === ProfileType.OCI ? `oci/${apparmor.ociRef}` : apparmor.localhostRef;
  const differs = apparmorProfile !== '' && apparmorProfile !== `${localhostPrefix}${name}`;
  if ((byField ?? byName) !== undefined && (byField === undefined || differs)) {
    throw invalid(
      'apparmor and apparmor_profile specify different profiles, and one of them is a reference',
      'Set both alike, or leave the deprecated apparmor_profile empty.',
    );
  }
  return byField;
}

function appArmorFieldReference(profile: SecurityProfile): RequestedArtifact | undefined {
  const { profileType, localhostRef, ociRef, baseProfile } = profile;
  if (profileType === ProfileType.OCI) {
    if (localhostRef !== '') throw invalid('an AppArmor profile of type OCI has a localhost_ref', 'Set oci_ref only.');
    const reference = parsePinned(ociRef);
    const requested = { reference, pulledByKubelet: true } as const;
    if (baseProfile === undefined) return requested;
    if (baseProfile.type === BaseType.RuntimeDefault && baseProfile.localhostRef === '') {
      return { ...requested, base: 'RuntimeDefault' };
    }
    throw invalid(appArmorBase, 'Leave out the base, or set RuntimeDefault.');
  }
  if (ociRef !== '' || baseProfile !== undefined) {
    throw invalid(
      `an AppArmor profile of type ${profileType} has an oci_ref or a base`,
      'Only type OCI may have them.',
    );
  }
  const found = appArmorNameReference(withoutPrefix(localhostRef));
  if (found === undefined) return undefined;
  if (profileType !== ProfileType.Localhost) {
    throw invalid(`an AppArmor profile of type ${profileType} has a reference as localhost_ref`, 'Set type Localhost.');
  }
  return found;
}

/** The AppArmor profiles of a node have names, and are no structured profiles to intersect with. */
const appArmorBase = 'the base of an AppArmor profile is not RuntimeDefault';

/** Returns the name of an AppArmor profile, without the prefix that it may begin with. */
function withoutPrefix(profile: string): string {
  return profile.startsWith(localhostPrefix) ? profile.slice(localhostPrefix.length) : profile;
}

/** Reads the name of an AppArmor profile. Returns undefined for that of an ordinary one. */
function appArmorNameReference(name: string): RequestedArtifact | undefined {
  const found = parseLocalhostProfile(name);
  if (found === undefined) {
    // The policy was not asked whether this container may have it, and no note would keep it
    // loaded.
    if (containsProfileName(name)) {
      throw invalid(
        `AppArmor profile ${quote(name, 600)} is one that Fairlead has loaded for an artifact`,
        'Name the artifact: oci/registry/repository@sha256:….',
      );
    }
    if (!mayNameArtifact(name)) return undefined;
    throw invalid(
      `AppArmor profile ${quote(name, 600)} looks like a reference but does not begin with oci/`,
      'Write localhostProfile: oci/registry/repository@sha256:….',
    );
  }
  const { reference, base, mode } = found;
  if (base !== undefined && base !== 'RuntimeDefault') throw invalid(appArmorBase, 'Write ?base=RuntimeDefault.');
  return { reference, ...(base && { base }), ...(mode && { mode }) };
}

function invalid(message: string, hint: string): FairleadError {
  return new FairleadError('InvalidInput', message, { hint });
}
