import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import { mkdtemp, open, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import type { FairleadError } from '#lib/errors';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { memoryRepository } from '#lib/registry/memory';
import { parseReference } from '#lib/registry/reference';
import { type DecisionLog, openDecisionLog } from './decision-log.ts';
import type { PullPolicy } from './pull-dependencies.ts';
import { pullProfile } from './pull-profile.ts';

const policy: PullPolicy = {
  source: 'policy.yaml',
  rules: [{ match: 'a.b/dev/*', unsigned: true, require: [] }],
  limits: defaultPublicationLimits,
  revision: 'r1',
};

describe('the decision log', () => {
  let directory: string;
  let file: string;
  let problems: FairleadError[];
  let unwritten: object[];
  let decisions: DecisionLog;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-decisions-'));
    file = join(directory, 'decisions.jsonl');
    problems = [];
    unwritten = [];
    const now = () => new Date('2026-01-01T00:00:00Z');
    const onError = (error: FairleadError, decision: object): void => {
      problems.push(error);
      unwritten.push(decision);
    };
    decisions = await openDecisionLog(file, { now, onError });
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const lines = async (): Promise<unknown[]> =>
    (await readFile(file, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

  async function pull(text: string, mode?: 'Log'): Promise<unknown> {
    const target = memoryRepository();
    const seccomp = { defaultAction: 'SCMP_ACT_LOG' } as const;
    await pushArtifact(target, packArtifact({ kind: 'Seccomp', seccomp }, { layout: 'runtime' }), undefined, 'v1');
    const context = { policy, connect: () => target, decisions };
    return pullProfile({ reference: parseReference(text), kind: 'Seccomp', ...(mode && { mode }) }, context).catch(
      (error) => error,
    );
  }

  it('has a line for every decision, allowed or refused', async () => {
    await pull('a.b/dev/x:v1');
    await pull('a.b/other:v1');
    await pull('a.b/dev/x:v2');
    const asked = { time: '2026-01-01T00:00:00.000Z', kind: 'Seccomp', policy: 'policy.yaml', revision: 'r1' };
    const [allowed, denied, missing] = (await lines()) as Record<string, unknown>[];
    const { digest, ...rest } = allowed ?? {};
    assert.match(String(digest), /^sha256:/);
    assert.deepEqual(rest, {
      ...asked,
      outcome: 'allowed',
      reference: 'a.b/dev/x:v1',
      rule: 'a.b/dev/*',
      unsigned: true,
      signatures: [],
      cached: false,
    });
    const reason = 'policy.yaml does not allow Seccomp profiles from a.b/other: its only rule does not match';
    assert.deepEqual(denied, { ...asked, outcome: 'refused', reference: 'a.b/other:v1', error: 'NotAllowed', reason });
    assert.equal(missing?.['error'], 'NotFound');
    await pull('a.b/dev/x:v1', 'Log');
    const logged = (await lines()).at(-1) as Record<string, unknown>;
    assert.deepEqual([logged['outcome'], logged['mode'], logged['error']], ['refused', 'Log', 'NotAllowed']);
    assert.equal((await stat(file)).mode & 0o777, 0o640);
  });

  it('may be moved away at any time', async () => {
    await pull('a.b/dev/x:v1');
    await rename(file, `${file}.1`);
    await pull('a.b/dev/x:v1');
    assert.equal((await lines()).length, 1);
  });

  it('keeps what was there before', async () => {
    await pull('a.b/dev/x:v1');
    decisions = await openDecisionLog(file, { now: () => new Date(), onError: (error) => problems.push(error) });
    await pull('a.b/dev/x:v1');
    assert.equal((await lines()).length, 2);
  });

  it('hands on the decision that a full disk does not take, and writes whole lines once there is room', async () => {
    await rm(file);
    await symlink('/dev/full', file);
    assert.ok(!((await pull('a.b/dev/x:v1')) instanceof Error));
    assert.ok((await pull('a.b/other:v1')) instanceof Error);
    const handedOn = unwritten as { outcome: string; reference: string }[];
    assert.deepEqual(
      handedOn.map(({ outcome, reference }) => [outcome, reference]),
      [
        ['allowed', 'a.b/dev/x:v1'],
        ['refused', 'a.b/other:v1'],
      ],
    );
    assert.match(String(problems[0]?.cause), /ENOSPC/);
    await rm(file);
    await writeFile(file, '{"time":"2026-01-');
    await pull('a.b/dev/x:v1');
    await pull('a.b/dev/x:v1');
    const [half, ...whole] = (await readFile(file, 'utf8')).trimEnd().split('\n');
    assert.equal(half, '{"time":"2026-01-');
    assert.deepEqual(
      whole.map((line) => JSON.parse(line).outcome),
      ['allowed', 'allowed'],
    );
  });

  it('waits for no reader of a pipe, neither at the start nor later on', { timeout: 20_000 }, async () => {
    await rm(file);
    execFileSync('mkfifo', [file]);
    await assert.rejects(openDecisionLog(file, { now: () => new Date(), onError: () => {} }), { kind: 'InvalidInput' });
    assert.ok(!((await pull('a.b/dev/x:v1')) instanceof Error));
    assert.match(String(problems[0]?.cause), /ENXIO/);
    const reader = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = await open(file, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      assert.ok(!((await pull('a.b/dev/x:v1')) instanceof Error));
      assert.equal(problems.length, 1);
      const { buffer, bytesRead } = await reader.read();
      assert.equal(JSON.parse(buffer.toString('utf8', 0, bytesRead)).outcome, 'allowed');
      for (let full = false; !full; )
        full = await writer.write(Buffer.alloc(4096)).then(
          () => false,
          () => true,
        );
      assert.ok(!((await pull('a.b/dev/x:v1')) instanceof Error));
      assert.match(String(problems[1]?.cause), /EAGAIN/);
      assert.equal(unwritten.length, 2);
    } finally {
      await Promise.all([reader.close(), writer.close()]);
    }
  });

  it('says when it cannot be written: at the start as an error, later on without standing in the way', async () => {
    await rm(directory, { recursive: true });
    assert.ok(!((await pull('a.b/dev/x:v1')) instanceof Error));
    assert.match(problems[0]?.message ?? '', /cannot write the decision log/);
    await assert.rejects(openDecisionLog(file, { now: () => new Date(), onError: () => {} }), { kind: 'InvalidInput' });
  });
});
