// The public surface of `fairlead/node`. Inside Fairlead, import the files themselves.

export type { Departures, Flight, Flights, Start } from '../concurrency/flights.ts';
export { Turns } from '../concurrency/turns.ts';
export {
  type DecidedRequest,
  type DecisionLog,
  type DecisionLogDependencies,
  type Decisions,
  openDecisionLog,
} from './pull/decision-log.ts';
export type { PullDependencies, PullPolicy } from './pull/pull-dependencies.ts';
export { PullLimiter, type PullTurn } from './pull/pull-limiter.ts';
export { PullMemory, type ResolvedTag } from './pull/pull-memory.ts';
export { pullProfile } from './pull/pull-profile.ts';
export type { PulledProfile, PullRequest } from './pull/pulled-profile.ts';
export { RegistryFailures } from './pull/registry-failures.ts';
export type { EffectiveFiles } from './store/effective-files.ts';
export { nodeCaller, type PullNote } from './store/pull-note.ts';
export type { StoreLog } from './store/remove-damaged.ts';
export {
  openStore,
  type PulledArtifact,
  type Store,
  type StoreDependencies,
  type StoreOptions,
} from './store/store.ts';
export type { StoreDirectories } from './store/store-directories.ts';
export type { Pull, StoredArtifact } from './store/stored-artifact.ts';
export type { AppliedRecord, Use } from './store/use-note.ts';
export type { InUse, Uses } from './store/uses.ts';
