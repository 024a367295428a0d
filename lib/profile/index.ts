// The public surface of `fairlead/profile`. Inside Fairlead, import the files themselves.
export type {
  AppArmorMode,
  AppArmorProfile,
  CapabilityRules,
  ExecutableRules,
  FilesystemRules,
  NetworkRules,
} from './apparmor/model.ts';
export type { Change, Direction, ProfileDiff } from './change.ts';
export {
  type Became,
  type ComparedProfile,
  type CompareOptions,
  type Comparison,
  compareProfileFiles,
  type ProfileFile,
} from './compare-profile-files.ts';
export type { Constraint, EffectiveInputs, EffectiveProfile, ProfileInput, ProfileMode } from './constraint.ts';
export { type ConvertForm, convertForms, convertProfile } from './convert-profile.ts';
export { diffProfiles } from './diff-profiles.ts';
export { effectiveProfile } from './effective-profile.ts';
export type { Finding } from './finding.ts';
export { type ImportOptions, importProfile } from './import-profile.ts';
export type { UnknownField } from './json/unknown-fields.ts';
export type { Some } from './kinds.ts';
export { lint } from './lint.ts';
export { intersectProfiles, type Merged, unionProfiles } from './merge-profiles.ts';
export type { Place, Position, ProfilePlaces } from './place.ts';
export type {
  Profile,
  ProfileKind,
  PublishedProfile,
  Reading,
  RuntimeKind,
  RuntimeProfile,
  UnresolvedProfile,
} from './profile.ts';
export type { ProfileFormat } from './profile-format.ts';
export { defaultPublicationLimits, type PublicationLimits } from './publication-limits.ts';
export { readProfile } from './read-profile.ts';
export {
  countOutcomes,
  describeOutcomes,
  type Outcome,
  outcomeOf,
  renderComparisonMarkdown,
  renderComparisonText,
} from './render-comparison.ts';
export { isLoosened, renderDiffMarkdown, renderDiffText } from './render-diff.ts';
export { renderProfile } from './render-profile.ts';
export type {
  SeccompAction,
  SeccompArg,
  SeccompOperator,
  SeccompProfile,
  SeccompRule,
} from './seccomp/model.ts';
export type { DockerCondition, DockerFilter, DockerProfile } from './seccomp/read/docker.ts';
export type { ProfileHost, ResolutionHost } from './seccomp/read/resolve-docker.ts';
export type { MachineArchitecture } from './seccomp/tables/architecture.ts';
export type {
  AllowMap,
  ClassPermissions,
  Inherit,
  PolicyStatement,
  RawSelinuxProfile,
  SelinuxProfile,
} from './selinux/model.ts';
