import assert from 'node:assert/strict';
import type { FollowedArtifactStatus } from '#operator/api/shared/followed-artifact';
import { type OperatorCluster, until } from '#test/support/operator-cluster';

/** The version and the scope of a kind, which determine its path. */
const kinds: Readonly<
  Record<string, { readonly apiVersion: string; readonly isNamespaced?: true; readonly plural?: string }>
> = {
  ArtifactBinding: { apiVersion: 'fairlead.dev/v1alpha1', isNamespaced: true },
  ClusterArtifactBinding: { apiVersion: 'fairlead.dev/v1alpha1' },
  ProfileArtifact: { apiVersion: 'fairlead.dev/v1alpha1', isNamespaced: true },
  ClusterProfileArtifact: { apiVersion: 'fairlead.dev/v1alpha1' },
  TrustPolicy: { apiVersion: 'fairlead.dev/v1alpha1', plural: 'trustpolicies' },
  ProfileBinding: { apiVersion: 'security-profiles-operator.x-k8s.io/v1', isNamespaced: true },
  SeccompProfile: { apiVersion: 'security-profiles-operator.x-k8s.io/v1' },
  SecurityProfileNodeStatus: {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    plural: 'securityprofilenodestatuses',
  },
};

/** What the tests read of an object. */
export interface FollowedObject {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: FollowedArtifactStatus & { readonly revision?: string };
}

/** An event, as the tests read it. */
interface StoredEvent {
  readonly type: string;
  readonly reason: string;
  readonly note: string;
  readonly regarding: { readonly kind: string; readonly name: string };
}

/** Objects of our APIs in a cluster, as its users write and read them. */
export class ArtifactObjects {
  readonly #cluster: OperatorCluster;

  constructor(cluster: OperatorCluster) {
    this.#cluster = cluster;
  }

  /** Creates an object of the namespace `web`, or without one. Returns the answer. */
  async create(kind: string, name: string, spec: object, metadata: object = {}) {
    return await this.#cluster.request('POST', this.#path(kind), {
      apiVersion: kinds[kind]?.apiVersion,
      kind,
      metadata: { name, ...metadata },
      spec,
    });
  }

  /** Creates an object that is accepted. */
  async add(kind: string, name: string, spec: object, metadata: object = {}): Promise<void> {
    const { status, body } = await this.create(kind, name, spec, metadata);
    assert.equal(status, 201, body.message);
  }

  /** Creates a ProfileArtifact of the namespace `web`. */
  async follow(name: string, spec: object): Promise<void> {
    await this.add('ProfileArtifact', name, spec);
  }

  /** Merges a patch into an object. */
  async merge(kind: string, name: string, patch: object, subresource = ''): Promise<void> {
    const path = `${this.#path(kind)}/${name}${subresource}`;
    const { status, body } = await this.#cluster.api.request('PATCH', path, patch, 'application/merge-patch+json');
    assert.equal(status, 200, JSON.stringify(body));
  }

  async delete(kind: string, ...names: readonly string[]): Promise<void> {
    for (const name of names) {
      const { status, body } = await this.#cluster.request('DELETE', `${this.#path(kind)}/${name}`);
      assert.equal(status, 200, body.message);
    }
  }

  /** Returns an object when something holds for it; fails with its conditions if it does not. */
  async reach(kind: string, name: string, holds: (object: FollowedObject) => boolean): Promise<FollowedObject> {
    let seen: FollowedObject | undefined;
    try {
      await until(`${kind} ${name}`, async () => {
        seen = (await this.#cluster.api.request('GET', `${this.#path(kind)}/${name}`)).body as FollowedObject;
        return holds(seen);
      });
    } catch (cause) {
      assert.fail(`${cause}: ${JSON.stringify(seen?.status)}\n${this.#cluster.log.slice(-20).join('')}`);
    }
    return seen as FollowedObject;
  }

  /** Waits until a ProfileArtifact has a condition: `UpToDate False LooserReplacement`. */
  async reachCondition(name: string, condition: string, kind = 'ProfileArtifact'): Promise<FollowedObject> {
    return await this.reach(kind, name, (object) => conditionsOf(object).includes(condition));
  }

  /** Returns the events about an object: `Warning LooserReplacement: …`. */
  async events(name: string): Promise<string[]> {
    const { body } = await this.#cluster.api.request('GET', '/apis/events.k8s.io/v1/events');
    const { items } = body as { readonly items: readonly StoredEvent[] };
    return items
      .filter(({ regarding }) => regarding.name === name)
      .map(({ type, reason, note }) => `${type} ${reason}: ${note}`);
  }

  #path(kind: string): string {
    const { apiVersion, isNamespaced, plural = `${kind.toLowerCase()}s` } = kinds[kind] ?? assert.fail(kind);
    return `/apis/${apiVersion}${isNamespaced ? '/namespaces/web' : ''}/${plural}`;
  }
}

/** Returns the conditions of an object: `Ready True Verified`. */
export function conditionsOf({ status }: FollowedObject): string[] {
  return (status?.conditions ?? []).map(({ type, status: is, reason }) => `${type} ${is} ${reason}`);
}

/** Returns the message of a condition of an object. */
export function messageOf({ status }: FollowedObject, type: string): string {
  return (status?.conditions ?? []).find((each) => each.type === type)?.message ?? '';
}
