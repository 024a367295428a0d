import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { BytesClient } from '#test/support/cri/scripted-runtime';
import { startProxy } from './proxy.ts';

it('large messages wait until others have ended, and small ones do not', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-memory-'));
  const held: PromiseWithResolvers<void>[] = [];
  const small = Buffer.from('x');
  const proxy = await startProxy({
    ...{ listen: join(directory, 'shim.sock'), runtime: join(directory, 'none.sock'), onError: () => undefined },
    handlers: new Map([
      [
        'a.B/C',
        async ({ request }) => {
          if (request.length > small.length) {
            const hold = Promise.withResolvers<void>();
            held.push(hold);
            await hold.promise;
          }
          return { answer: small };
        },
      ],
    ]),
  });
  const client = new BytesClient(join(directory, 'shim.sock'));
  t.after(async () => {
    client.close();
    await proxy.stop();
    await rm(directory, { recursive: true });
  });
  const large = Buffer.alloc(15 * 1024 * 1024);
  const calls = Array.from({ length: 8 }, () => client.unary('a.B/C', large));
  const begun = async (count: number): Promise<void> => {
    while (held.length < count) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  await begun(6);
  // Time for the others, which must not begin.
  for (let asked = 0; asked < 50; asked += 1) await client.unary('a.B/C', small);
  assert.equal(held.length, 6);
  held[0]?.resolve();
  await begun(7);
  const gone = client.unary('a.B/C', large, { timeout: 200 });
  await assert.rejects(gone, 'a call that waits ends with its deadline');
  for (let ended = 1; ended < 8; ended += 1) {
    await begun(ended + 1);
    held[ended]?.resolve();
  }
  await Promise.all(calls);
  assert.equal(held.length, 8);
});
