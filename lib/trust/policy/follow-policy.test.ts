import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { generateKeyPair } from '../keys/key.ts';
import { followPolicy, type PolicySource } from './follow-policy.ts';
import type { PolicyReading } from './load-policy.ts';

const head = 'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\n';

describe('a policy that is followed', () => {
  let directory: string;
  let policy: string;
  let source: PolicySource | undefined;
  let messages: string[];
  let read: boolean[];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-policy-'));
    policy = join(directory, 'policy.yaml');
    messages = [];
    read = [];
    await writeFile(policy, `${head}rules: []\n`);
  });
  afterEach(async () => {
    source?.stop();
    await rm(directory, { recursive: true });
  });

  async function follow(interval?: number, checkPath?: PolicyReading['checkPath']): Promise<PolicySource> {
    const log = {
      info: (_: object, message: string): void => void messages.push(`info: ${message}`),
      warn: (_: object, message: string): void => void messages.push(`warn: ${message}`),
      error: (_: object, message: string): void => void messages.push(`error: ${message}`),
    };
    const onRead = (inForce: boolean): void => void read.push(inForce);
    source = await followPolicy(policy, {
      ...{ log, onRead },
      ...(interval === undefined ? {} : { interval }),
      ...(checkPath === undefined ? {} : { checkPath }),
    });
    return source;
  }

  it('takes effect when its file changes, without a reload', async () => {
    const followed = await follow(20);
    await writeFile(policy, `${head}rules: []\nlimits: {entriesPerSyscall: 7}\n`);
    for (let waited = 0; followed.current.limits.entriesPerSyscall !== 7 && waited < 5000; waited += 20)
      await delay(20);
    assert.equal(followed.current.limits.entriesPerSyscall, 7);
    assert.deepEqual(messages, ['warn: policy loaded: it has no rules, so everything is denied']);
    await writeFile(policy, `${head}rules: [{match: "**", unsigned: true}]\n`);
    await followed.reload();
    assert.deepEqual(messages.slice(1), ['info: policy loaded']);
  });

  it('stays in force if its file becomes invalid, and reports that once, until it is fixed', async () => {
    const followed = await follow();
    const { revision } = followed.current;
    await writeFile(policy, `${head}rules: nonsense\n`);
    await followed.reload();
    await followed.reload();
    assert.equal(followed.current.revision, revision);
    assert.equal(followed.inForce, false);
    await writeFile(policy, `${head}rules: []\n`);
    await followed.reload();
    assert.equal(followed.inForce, true);
    assert.deepEqual(read, [true, false, false, true]);
    assert.equal(messages.length, 2);
    assert.match(messages[0] ?? '', /^error: invalid policy, the previous one stays in force: .*policy\.yaml:3/);
  });

  it('does not change after it is stopped, not even by a reading that has begun', async () => {
    const followed = await follow();
    const { revision } = followed.current;
    await rm(policy);
    const reloaded = followed.reload();
    followed.stop();
    await reloaded;
    assert.equal(followed.current.revision, revision);
    assert.equal(followed.inForce, true);
    assert.deepEqual(read, [true]);
    assert.deepEqual(messages, []);
  });

  it('stays in force if its file is replaced by a pipe or a directory, which is not waited for', async () => {
    const followed = await follow(20);
    const { revision } = followed.current;
    await rm(policy);
    execFileSync('mkfifo', [policy]);
    const deadline = AbortSignal.timeout(10_000);
    while (followed.problem === undefined) await delay(20, undefined, { signal: deadline });
    assert.match(followed.problem, /policy\.yaml is not a regular file/);
    assert.equal(followed.current.revision, revision);
    await rm(policy);
    await mkdir(policy);
    await followed.reload();
    assert.match(followed.problem, /policy\.yaml is not a regular file/);
    await rm(policy, { recursive: true });
    await writeFile(policy, `${head}rules: []\nlimits: {entriesPerSyscall: 7}\n`);
    while (followed.current.revision === revision) await delay(20, undefined, { signal: deadline });
    assert.equal(followed.inForce, true);
  });

  it('is not followed if a file that it names is a pipe', async () => {
    await writeFile(policy, `${head}rules: [{match: "**", require: [{key: release.pub}]}]\n`);
    execFileSync('mkfifo', [join(directory, 'release.pub')]);
    await assert.rejects(follow(), { kind: 'InvalidInput', message: /release\.pub is not a regular file/ });
  });

  it('denies everything if its file is removed', async () => {
    await writeFile(policy, `${head}rules: [{match: "**", unsigned: true}]\n`);
    const followed = await follow();
    assert.equal(followed.current.rules.length, 1);
    await rm(policy);
    await followed.reload();
    assert.deepEqual(followed.current.rules, []);
    assert.equal(followed.inForce, false);
    assert.deepEqual(read, [true, false]);
    assert.deepEqual(messages, [`warn: the policy ${policy} does not exist: everything is denied`]);
  });

  it('warns once at the start if its file does not exist, and reports when it is loaded', async () => {
    await rm(policy);
    const followed = await follow();
    const missing = `warn: the policy ${policy} does not exist: everything is denied`;
    assert.deepEqual(messages, [missing]);
    await followed.reload();
    assert.deepEqual(messages, [missing]);
    assert.equal(followed.inForce, false);
    assert.deepEqual(read, [false, false]);
    // An empty file denies everything too, and is a file that exists.
    await writeFile(policy, '');
    await followed.reload();
    assert.deepEqual(messages, [missing, 'warn: policy loaded: it has no rules, so everything is denied']);
    assert.equal(followed.inForce, true);
    assert.deepEqual(read, [false, false, true]);
  });

  it('does not take effect while it is being written: the first half of a file may be a looser policy', async () => {
    for (const name of ['a', 'b']) await writeFile(join(directory, `${name}.pub`), (await generateKeyPair()).publicKey);
    const followed = await follow();
    const half = `${head}rules:\n  - match: "**"\n    require:\n      - key: a.pub\n`;
    await writeFile(policy, half);
    const reloaded = followed.reload();
    await delay(100);
    await writeFile(policy, `${half}      - key: b.pub\n`);
    let loosest = 2;
    const looking = setInterval(() => {
      const [rule] = followed.current.rules;
      if (rule !== undefined) loosest = Math.min(loosest, rule.require.length);
    }, 5);
    await reloaded;
    clearInterval(looking);
    assert.equal(followed.current.rules[0]?.require.length, 2);
    assert.equal(loosest, 2);
  });

  it('does not take effect half-written at the start either', async () => {
    for (const name of ['a', 'b']) await writeFile(join(directory, `${name}.pub`), (await generateKeyPair()).publicKey);
    const half = `${head}rules:\n  - match: "**"\n    require:\n      - key: a.pub\n`;
    await writeFile(policy, half);
    const started = follow();
    await delay(100);
    await writeFile(policy, `${half}      - key: b.pub\n`);
    assert.equal((await started).current.rules[0]?.require.length, 2);
  });

  it('is not replaced by older files that took longer to read', async () => {
    const key = join(directory, 'slow.pub');
    let read = Promise.withResolvers<void>();
    let reads = Promise.withResolvers<void>();
    const followed = await follow(undefined, async (path) => {
      if (path !== key) return;
      reads.resolve();
      await read.promise;
    });
    for (const content of [(await generateKeyPair()).publicKey, 'no key']) {
      [read, reads] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      await writeFile(key, content);
      await writeFile(policy, `${head}rules:\n  - {match: "**", require: [{key: slow.pub}]}\n`);
      const slow = followed.reload();
      await reads.promise;
      await writeFile(policy, `${head}rules: []\nlimits: {entriesPerSyscall: 7}\n`);
      await followed.reload();
      read.resolve();
      await slow;
      assert.deepEqual(followed.current.rules, []);
      assert.equal(followed.current.limits.entriesPerSyscall, 7);
      assert.equal(followed.inForce, true);
    }
  });
});
