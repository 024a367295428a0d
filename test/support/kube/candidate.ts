/**
 * A process that wants to lead, for tests that stop and kill it: `candidate.ts KUBECONFIG IDENTITY
 * SKEW`. While it leads, it prints the number of its term and the time of the machine's clock since
 * boot in milliseconds, every 20 ms. Its own clock is SKEW milliseconds wrong. Ends with SIGTERM.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeClient } from '#lib/kube/client';
import { runAsLeader } from '#lib/kube/leader-election';

const [kubeconfig, identity = '', skew] = process.argv.slice(2);
const now = Date.now.bind(Date);
Date.now = () => now() + Number(skew);

const log = (fields: object, message: string): void => console.error(message, JSON.stringify(fields));
const api = await KubeClient.open({ kubeconfig, answerWithin: 10_000 });
const ending = new AbortController();
process.once('SIGTERM', () => ending.abort());
await runAsLeader(
  {
    api,
    lease: { namespace: 'default', name: 'leader' },
    identity: `${identity}-${randomUUID()}`,
    leaseSeconds: 3,
    log: { debug: log, info: log, warn: log, error: log },
  },
  async (term) => {
    const id = `${identity}/${randomUUID()}`;
    while (!term.signal.aborted) {
      try {
        term.check();
      } catch {
        return;
      }
      console.log(`${id} ${process.hrtime.bigint() / 1_000_000n}`);
      await sleep(20);
    }
  },
  ending.signal,
);
api.close();
