import assert from 'node:assert/strict';
import type { CurrentList } from '#lib/kube/current-lists';
import type { ObjectClient } from '#lib/kube/object-client';
import type { Resource } from '#lib/kube/resource';

/** The objects of a namespace, as those know who create and delete them. */
class Known {
  /** Their creation was answered, and their deletion was not requested. */
  readonly present = new Set<string>();
  /** Their deletion was answered. */
  readonly gone = new Set<string>();
}

export interface AskingOptions {
  readonly client: ObjectClient;
  readonly resource: Resource;
  readonly spec: object;
  /** Answers with the names of the objects. */
  readonly list: Pick<CurrentList<string>, 'list'>;
  readonly namespaces: readonly string[];
  readonly seconds: number;
}

/**
 * Creates and deletes objects in namespaces for a while, and asks for them all the time. Asserts
 * that each answer has what was created before the question, and nothing that was deleted before
 * it. Returns how often was asked, and in how many seconds.
 */
export async function askWhileWriting(options: AskingOptions): Promise<{ asked: number; took: number }> {
  const { client, resource, spec, list, namespaces, seconds } = options;
  const known = new Map(namespaces.map((namespace) => [namespace, new Known()]));
  const began = performance.now();
  const isOver = (): boolean => performance.now() - began > seconds * 1000;
  const write = async (namespace: string, { present, gone }: Known): Promise<void> => {
    const prefix = `b${Math.round(began)}`;
    for (let count = 0; !isOver(); count++) {
      const name = `${prefix}-${count}`;
      await client.create(resource, { metadata: { name, namespace }, spec });
      present.add(name);
      if (count < 3) continue;
      const old = `${prefix}-${count - 3}`;
      present.delete(old);
      await client.delete(resource, { name: old, namespace });
      gone.add(old);
    }
  };
  let asked = 0;
  const ask = async (namespace: string, { present, gone }: Known): Promise<void> => {
    while (!isOver()) {
      const [created, deleted] = [[...present], [...gone]];
      const answer = new Set(await list.list(namespace));
      asked++;
      for (const name of created) {
        // It may have been deleted while the list was read.
        assert.ok(answer.has(name) || !present.has(name), `${namespace} lacks ${name}`);
      }
      for (const name of deleted) assert.ok(!answer.has(name), `${namespace} still has ${name}`);
    }
  };
  const everybody = [...known].flatMap(([namespace, objects]) => [
    write(namespace, objects),
    ...Array.from({ length: 4 }, () => ask(namespace, objects)),
  ]);
  await Promise.all(everybody);
  return { asked, took: (performance.now() - began) / 1000 };
}
