import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { ApiError, isNotFound } from '#lib/kube/api-error';
import type { WritableApiServer } from '#lib/kube/api-server';
import type { KubeObject, ObjectMeta } from '#lib/kube/kube-object';
import { ObjectClient } from '#lib/kube/object-client';
import type { Resource } from '#lib/kube/resource';
import { type Material, parseSecretData, toSecretData } from './material.ts';

const secrets: Resource = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true };

/** The name of the Secret in the namespace of the operator. */
export const secretName = 'fairlead-operator-certificates';
const ownerLabel = 'app.kubernetes.io/managed-by';
const owner = 'fairlead-operator';

const dataSchema = v.nullish(v.record(v.string(), v.string()), {});

/** The Secret as it was read. */
export interface HeldSecret {
  readonly metadata: ObjectMeta;
  /** Undefined if what it holds cannot be used. */
  readonly material: Material | undefined;
  /** Why it cannot be used. */
  readonly damage?: string;
}

/** The Secret with the certificates of the operator. */
export class CertificateSecret {
  readonly #api: WritableApiServer;
  readonly #client: ObjectClient;
  readonly #namespace: string;

  constructor(api: WritableApiServer, namespace: string) {
    this.#api = api;
    this.#client = new ObjectClient(api);
    this.#namespace = namespace;
  }

  /**
   * Returns what the Secret holds; undefined if it does not exist. Throws NotAllowed if it is not
   * the operator's, and what the API server answers.
   */
  async read(): Promise<HeldSecret | undefined> {
    let object: KubeObject;
    try {
      object = await this.#client.get(secrets, { namespace: this.#namespace, name: secretName });
    } catch (thrown) {
      if (isNotFound(thrown)) return undefined;
      throw thrown;
    }
    const { metadata } = object;
    if (metadata.labels?.[ownerLabel] !== owner) throw this.#foreign();
    const data = v.safeParse(dataSchema, object['data']);
    try {
      return { metadata, material: parseSecretData(data.success ? (data.output ?? {}) : {}) };
    } catch (thrown) {
      if (!(thrown instanceof FairleadError)) throw thrown;
      return { metadata, material: undefined, damage: thrown.summary };
    }
  }

  /**
   * Writes the Secret: creates it if `held` is undefined, else replaces what was read. Throws
   * Conflict if another replica was faster, and InvalidInput for one that cannot be changed, since
   * it is immutable or of another type.
   */
  async write(material: Material, held: HeldSecret | undefined): Promise<void> {
    const type = 'Opaque';
    const data = toSecretData(material);
    const options = { fieldManager: owner };
    if (held === undefined) {
      const metadata = { name: secretName, namespace: this.#namespace, labels: { [ownerLabel]: owner } };
      await this.#client.create(secrets, { metadata, type, data }, options);
      return;
    }
    try {
      await this.#client.update(secrets, { metadata: held.metadata, type, data }, options);
    } catch (thrown) {
      if (!(thrown instanceof ApiError) || thrown.status !== 422) throw thrown;
      throw new ApiError(thrown.summary, thrown, { cause: thrown, hint: this.#deleteIt });
    }
  }

  /**
   * Returns the time of the API server, which verifies the certificates, or ours if it does not
   * tell.
   */
  async serverTime(): Promise<Date> {
    let now: Date | undefined;
    const onTime = (time: Date): void => {
      now = time;
    };
    await this.#api.get({ path: '/version', title: 'ask the API server for its time', onTime });
    return now ?? new Date();
  }

  #foreign(): FairleadError {
    const name = `${this.#namespace}/${secretName}`;
    return new FairleadError(
      'NotAllowed',
      `the Secret ${name} is not the operator's: it has no label ${ownerLabel}=${owner}`,
      {
        hint: this.#deleteIt,
      },
    );
  }

  get #deleteIt(): string {
    return `Delete it, and the operator creates its own: kubectl -n ${this.#namespace} delete secret ${secretName}`;
  }
}
