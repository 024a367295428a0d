import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { isMissingCollection } from '#lib/kube/api-error';
import { Informer } from '#lib/kube/informer';
import type { InformerMetrics } from '#lib/kube/informer-options';
import type { KubeLog } from '#lib/kube/log';
import type { ObjectClient } from '#lib/kube/object-client';
import { objectKey, type Resource } from '#lib/kube/resource';
import { daemonName, securityProfilesOperatorDaemonSchema } from '../api/securityprofilesoperatordaemon/v1.ts';
import { profilesGroup } from '../api/shared/resource-definition.ts';
import { defaultSettings, settingsOf, type ValidationSettings } from '../validate/settings.ts';
import { type NodeStatus, parseNodeStatus, reportKeys } from './node-status.ts';
import type { PodInformer } from './pod-informer.ts';
import { type ProfileResourceKind, profileResources } from './profile-kinds.ts';
import type { NodeReport } from './profile-state.ts';
import { parseStoredProfile, type StoredProfile } from './stored-profile.ts';

/** The kinds of profiles. */
export const profileKinds = Object.keys(profileResources) as ProfileResourceKind[];

/** Returns the resource of a kind of the group, in the stored version. */
export function groupResource(kind: string, plural: string, namespaced = false): Resource {
  return { group: profilesGroup, version: 'v1', plural, kind, namespaced };
}

export const nodeStatuses = groupResource('SecurityProfileNodeStatus', 'securityprofilenodestatuses');
export const daemons = groupResource('SecurityProfilesOperatorDaemon', 'securityprofilesoperatordaemons', true);
const nodes: Resource = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false };

export interface ClusterViewOptions {
  readonly client: ObjectClient;
  readonly log: KubeLog;
  readonly metrics?: InformerMetrics | undefined;
  /** The namespace of the operator, whose settings hold. */
  readonly namespace: string;
  /** The pods, which the caller starts; undefined for an API server without pods and nodes. */
  readonly pods: PodInformer | undefined;
}

type ProfileInformer = Informer<StoredProfile, 'base' | 'usage' | 'id'>;

/** What the controllers of profiles know of the cluster: objects that informers hold in memory. */
export class ClusterView {
  readonly profiles: Readonly<Record<ProfileResourceKind, ProfileInformer>>;
  readonly reports: Informer<NodeStatus, 'about' | 'node'>;
  readonly pods: PodInformer | undefined;
  readonly nodes: Informer<string> | undefined;
  readonly daemons: Informer<ValidationSettings>;
  readonly #settingsKey: string;

  constructor({ namespace, pods, ...options }: ClusterViewOptions) {
    this.#settingsKey = objectKey({ namespace, name: daemonName });
    const profilesOf = (kind: ProfileResourceKind): ProfileInformer => {
      const { plural, usedAs } = profileResources[kind];
      const indexes = {
        base: ({ baseProfileName }: StoredProfile) => (baseProfileName === undefined ? [] : [baseProfileName]),
        usage: ({ metadata }: StoredProfile) => [usedAs(metadata.name)],
        id: ({ metadata }: StoredProfile) => reportKeys({ kind, name: metadata.name }),
      };
      return new Informer({ ...options, resource: groupResource(kind, plural), parse: parseStoredProfile, indexes });
    };
    this.profiles = {
      SeccompProfile: profilesOf('SeccompProfile'),
      SelinuxProfile: profilesOf('SelinuxProfile'),
      RawSelinuxProfile: profilesOf('RawSelinuxProfile'),
      AppArmorProfile: profilesOf('AppArmorProfile'),
    };
    this.reports = new Informer({
      ...options,
      resource: nodeStatuses,
      parse: parseNodeStatus,
      indexes: { about: ({ about }: NodeStatus) => about, node: ({ node }: NodeStatus) => [node] },
    });
    this.daemons = new Informer({
      ...options,
      resource: daemons,
      selection: { namespace },
      parse: (object) => settingsOf(v.parse(securityProfilesOperatorDaemonSchema, object)),
      onRejected: ({ key, error }) => {
        if (key !== this.#settingsKey) return;
        options.log.warn({ key, err: error }, 'the settings cannot be read: profiles stay as they were decided');
      },
    });
    this.pods = pods;
    if (pods === undefined) return;
    this.nodes = new Informer({ ...options, resource: nodes, parse: ({ metadata }) => metadata.name });
  }

  /** Begins to follow everything. */
  start(): void {
    for (const informer of this.#all()) informer.start();
  }

  /** Resolves when no request is open any more. */
  async stop(): Promise<void> {
    await Promise.all(this.#all().map((informer) => informer.stop()));
  }

  /**
   * Throws why pods or nodes cannot be followed at the moment: what is known of them may be old,
   * and nothing may be removed because of it.
   */
  checkCore(): void {
    const problem = this.pods?.problem ?? this.nodes?.problem;
    if (problem !== undefined) throw problem;
  }

  /** Returns the names of the pods that use a profile. */
  workloads(usage: string): readonly string[] {
    return (this.pods?.store.byIndex('uses', usage) ?? []).map(({ name }) => name);
  }

  /**
   * Returns what nodes report of a profile, except nodes that no longer exist. Throws Unavailable
   * if the reports have not been listed since the start.
   */
  reportsOf(profile: { readonly kind: string; readonly name: string }): readonly NodeReport[] {
    if (!this.reports.hasSynced) throw unknown('what nodes report about profiles', this.reports);
    return this.#allReports(profile).filter(({ node }) => this.#exists(node));
  }

  /** Returns the names of the reports of a profile whose nodes no longer exist. */
  goneReports(profile: { readonly kind: string; readonly name: string }): readonly string[] {
    return this.#allReports(profile).flatMap(({ name, node }) => (this.#exists(node) ? [] : [name]));
  }

  /** Returns the names of the nodes; undefined if the API server has none. */
  nodeNames(): ReadonlySet<string> | undefined {
    return this.nodes && new Set(this.nodes.store.keys());
  }

  /**
   * Returns what the administrator allows profiles. Throws the reason if the settings cannot be
   * read, or are not served: without them everything would be allowed.
   */
  settings(): ValidationSettings {
    const rejection = this.daemons.rejection(this.#settingsKey);
    if (rejection !== undefined) throw rejection.error;
    const held = this.daemons.store.get(this.#settingsKey);
    if (held !== undefined) return held;
    // The webhook asks the API server each time, and refuses everything then.
    if (!this.daemons.hasSynced || isMissingCollection(this.daemons.problem)) {
      throw unknown('what the administrator allows', this.daemons);
    }
    return defaultSettings;
  }

  #allReports(profile: { readonly kind: string; readonly name: string }): readonly NodeStatus[] {
    return reportKeys(profile).flatMap((key) => this.reports.store.byIndex('about', key));
  }

  #exists(node: string): boolean {
    return this.nodes === undefined || this.nodes.store.get(node) !== undefined;
  }

  #all(): readonly Pick<Informer<unknown>, 'start' | 'stop'>[] {
    const others = [this.reports, this.daemons, this.nodes];
    return [...Object.values(this.profiles), ...others.filter((informer) => informer !== undefined)];
  }
}

/** Returns the error that something cannot be told since its objects cannot be listed. */
function unknown(what: string, { resource, problem }: Pick<Informer<unknown>, 'resource' | 'problem'>): FairleadError {
  const because = problem?.summary ?? `${resource.plural} have not been listed yet`;
  const hint = problem?.hint ?? 'Wait a few seconds.';
  return new FairleadError('Unavailable', `it is not known ${what}: ${because}`, { hint, cause: problem });
}
