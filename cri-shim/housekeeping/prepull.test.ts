import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import type { ShimLog } from '../report/shim-log.ts';
import { type Prepulled, prepull, readPrepullFile } from './prepull.ts';

const of = (name: string): Prepulled => ({
  kind: 'Seccomp',
  reference: `registry.example.com/${name}@sha256:${'ab'.repeat(32)}`,
});

describe('the file of artifacts to pull', () => {
  let directory: string;
  let file: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-prepull-'));
    file = join(directory, 'prepull');
  });
  afterEach(() => rm(directory, { recursive: true }));
  const read = async (text: string): Promise<readonly Prepulled[]> => {
    await writeFile(file, text);
    return readPrepullFile(file, (kind) => kind === 'Seccomp');
  };

  it('has a kind and a reference on each line', async () => {
    const [a, b] = [of('a'), of('b')];
    assert.deepEqual(await read(`# all\n\n ${a.kind}\t${a.reference} \n${b.kind} ${b.reference}`), [a, b]);
  });

  it('is refused with the line at fault, and if others can change it', async () => {
    const invalid = { kind: 'InvalidInput' };
    await assert.rejects(read(`\n${of('a').reference}\n`), { ...invalid, message: /prepull:2: invalid line/ });
    await assert.rejects(read(`Selinux ${of('a').reference}`), { ...invalid, message: /prepull:1: invalid line/ });
    await assert.rejects(read('Seccomp a.example/b:latest'), { ...invalid, message: /prepull:1: .*not pinned/ });
    await writeFile(file, '');
    await chmod(file, 0o666);
    await assert.rejects(
      readPrepullFile(file, () => true),
      { ...invalid, message: /can change/ },
    );
    await rm(file);
    execFileSync('mkfifo', [file]);
    await assert.rejects(
      readPrepullFile(file, () => true),
      { ...invalid, message: /is not a regular file/ },
    );
  });
});

describe('prepull', () => {
  it('tries what failed again, later and later, and reports each result', async () => {
    const records: { readonly messageId: string; readonly reference: string }[] = [];
    const log = { info: (each: never) => records.push(each), warn: (each: never) => records.push(each) };
    const failures = new Map([[of('b').reference, 2]]);
    const waits: number[] = [];
    await prepull([of('a'), of('b'), of('c')], {
      pull: async ({ reference }) => {
        const left = failures.get(reference) ?? 0;
        failures.set(reference, left - 1);
        if (left > 0) throw new FairleadError('Unavailable', 'no answer');
        return { cached: false };
      },
      log: log as unknown as ShimLog,
      signal: new AbortController().signal,
      wait: async (milliseconds) => void waits.push(milliseconds),
    });
    assert.deepEqual(waits, [60_000, 120_000]);
    assert.deepEqual(
      records.map(({ messageId, reference }) => `${messageId.split('.').at(-1)} ${reference.at(21)}`),
      ['done a', 'failed b', 'done c', 'failed b', 'done b'],
    );
  });

  it('ends when the shim stops', async () => {
    const stopping = new AbortController();
    const log = { info: assert.fail, warn: () => stopping.abort() } as unknown as ShimLog;
    const pull = (): Promise<never> => Promise.reject(new FairleadError('Unavailable', 'no answer'));
    await prepull([of('a'), of('b')], { pull, log, signal: stopping.signal });
  });

  it('begins no other pull when the shim stops, and reports none that this ends', async () => {
    const stopping = new AbortController();
    const pulled: string[] = [];
    const silent = { info: () => undefined, warn: assert.fail } as unknown as ShimLog;
    await prepull([of('a'), of('b')], {
      pull: async ({ reference }) => {
        pulled.push(reference);
        stopping.abort();
        return { cached: false };
      },
      ...{ log: silent, signal: stopping.signal },
    });
    assert.deepEqual(pulled, [of('a').reference]);
    const ending = new AbortController();
    await prepull([of('a')], {
      pull: async () => {
        ending.abort();
        throw new FairleadError('Unavailable', 'ended');
      },
      ...{ log: silent, signal: ending.signal },
    });
  });

  it('tries again at least once an hour', async () => {
    const stopping = new AbortController();
    const waits: number[] = [];
    await prepull([of('a')], {
      pull: () => Promise.reject(new FairleadError('Unavailable', 'no answer')),
      ...{ log: { info: assert.fail, warn: () => undefined } as unknown as ShimLog, signal: stopping.signal },
      wait: async (milliseconds) => {
        waits.push(milliseconds / 60_000);
        if (waits.length === 9) stopping.abort();
      },
    });
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });
});
