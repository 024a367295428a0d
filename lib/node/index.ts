// The public surface of `fairlead/node`. Inside Fairlead, import the files themselves.

export type { Departures, Flight, Flights, Start } from '../concurrency/flights.ts';
export { Turns } from '../concurrency/turns.ts';
export { type DecisionLog, type DecisionLogOptions, openDecisionLog } from './pull/decision-log.ts';
export { PullBudget } from './pull/pull-budget.ts';
export { type PullMemory, type PullMemoryOptions, pullMemory, type ResolvedTag } from './pull/pull-memory.ts';
export {
  type PullContext,
  type PulledProfile,
  type PullPolicy,
  type PullRequest,
  pullProfile,
} from './pull/pull-profile.ts';
export type { StoreLog } from './store/check-store.ts';
export { openStore, type PulledArtifact, type Store } from './store/store.ts';
export type { Pull, StoredArtifact } from './store/stored-artifact.ts';
