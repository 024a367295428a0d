import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { resources } from '#operator/api/resources';
import { profilesGroup } from '#operator/api/shared/resource-definition';
import { type ConversionWebhook, startConversionWebhook } from '#test/support/apis/conversion-webhook';
import { exampleObjects } from '#test/support/apis/example-objects';

const count = 1000;

/** Returns objects of a kind, in the older version: the examples, in turn. */
function olderObjects(kind: string, version: string, many: number): object[] {
  const examples = exampleObjects.filter((example) => example.kind === kind && example.versions.includes('older'));
  return Array.from({ length: many }, (_, index) => ({
    apiVersion: `${profilesGroup}/${version}`,
    kind,
    metadata: { name: `n${index}`, uid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`, generation: 1 },
    ...examples[index % examples.length]?.content,
  }));
}

class Client {
  readonly #webhook: ConversionWebhook;
  readonly #agent: Agent;

  constructor(webhook: ConversionWebhook) {
    this.#webhook = webhook;
    this.#agent = new Agent({ keepAlive: true, ca: webhook.certificate, maxSockets: 8 });
  }

  /** Sends one call, as an API server does, and returns the bytes of its answer. */
  async convert(objects: string, desired: string): Promise<string> {
    const head = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview' };
    const asked = { uid: 'u', desiredAPIVersion: `${profilesGroup}/${desired}` };
    const body = `${JSON.stringify({ ...head, request: asked }).slice(0, -2)},"objects":[${objects}]}}`;
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const options = { method: 'POST', port: this.#webhook.port, path: '/convert', headers, agent: this.#agent };
    const answer = await new Promise<string>((resolve, reject) => {
      request({ host: '127.0.0.1', ...options }, (response) => text(response).then(resolve, reject))
        .once('error', reject)
        .end(body);
    });
    if (!answer.includes('"status":"Success"')) throw new Error(answer.slice(0, 1000));
    return answer;
  }

  close(): void {
    this.#agent.destroy();
  }
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Converts lists of every kind over HTTPS, all objects in one call, and one in each call. */
export async function bench(report: (line: string) => void): Promise<void> {
  const webhook = await startConversionWebhook();
  const client = new Client(webhook);
  let total = 0;
  try {
    for (const { kind, older } of resources) {
      const objects = olderObjects(kind, older.name, count).map((object) => JSON.stringify(object));
      const list = objects.join(',');
      await client.convert(list, 'v1');
      let answer = '';
      const up = await milliseconds(async () => {
        answer = await client.convert(list, 'v1');
      });
      const converted = answer.slice(answer.indexOf('"convertedObjects":[') + 20, -3);
      const down = await milliseconds(() => client.convert(converted, older.name));
      const single = await milliseconds(async () => {
        let next = 0;
        const worker = async (): Promise<void> => {
          while (next < count) await client.convert(objects[next++] ?? '', 'v1');
        };
        await Promise.all(Array.from({ length: 8 }, worker));
      });
      total += up;
      const bytes = Math.round(list.length / 1024);
      report(
        `${kind}: ${count} objects (${bytes} KiB) to v1 in ${up.toFixed(0)} ms, back in ${down.toFixed(0)} ms; ` +
          `one in each call: ${single.toFixed(0)} ms`,
      );
    }
    report(`all kinds, ${count} objects of each, to v1: ${total.toFixed(0)} ms (want less than 1000)`);
    const large = olderObjects('SeccompProfile', 'v1beta1', 5000).map((object) => JSON.stringify(object));
    const filler = `"annotations":{"a":"${'x'.repeat(5_500)}"}`;
    const list = large.map((object) => object.replace('"generation":1', filler)).join(',');
    let most = 0;
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss());
    }, 5);
    const took = await milliseconds(() => client.convert(list, 'v1'));
    clearInterval(timer);
    report(
      `5000 objects in one call of ${(list.length / 1024 ** 2).toFixed(0)} MiB: ${took.toFixed(0)} ms; ` +
        `at most ${(most / 1024 ** 2).toFixed(0)} MiB of memory, the client with its copies of the list included`,
    );
  } finally {
    client.close();
    await webhook.stop();
  }
}
