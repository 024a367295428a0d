import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { importProfile } from './import-profile.ts';

const resource = (name: string, call: string, kind = 'SeccompProfile') =>
  ({
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind,
    metadata: { name },
    spec: { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: [call], action: 'SCMP_ACT_ALLOW' }] },
  }) as const;
const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'profiles' } };
const stream = (...documents: readonly object[]) => documents.map((each) => `${JSON.stringify(each)}\n`).join('---\n');
/** A comment before it: what begins with a brace is read as JSON. */
const read = (text: string, document?: string) =>
  importProfile(Buffer.from(`# all\n${text}`), 'all.yaml', document === undefined ? {} : { document });
const list = (...items: readonly object[]) => ({ apiVersion: 'v1', kind: 'List', metadata: {}, items });

describe('a file of several documents', () => {
  const two = stream(resource('nginx', 'read'), resource('redis', 'write'));

  it('is read where it has one profile, whatever else', () => {
    for (const text of [
      stream(namespace, resource('nginx', 'read')),
      stream(resource('nginx', 'read'), namespace),
      stream(list(resource('nginx', 'read'))),
      stream(list(namespace), list(resource('nginx', 'read'))),
      stream({ ...list(resource('nginx', 'read')), kind: 'SeccompProfileList' }),
    ])
      assert.equal(read(text).name, 'nginx', text);
  });

  it('needs to be told which one where it has several, and names them', () => {
    assert.throws(() => read(two), {
      kind: 'InvalidInput',
      summary: 'all.yaml has 2 documents; only one is read at a time',
      details: ['1: SeccompProfile nginx (all.yaml:2:1)', '2: SeccompProfile redis (all.yaml:4:1)'],
      hint: 'Choose one by its name or number (`document`).',
    });
    const listed = stream(list(resource('nginx', 'read'), resource('redis', 'write')));
    assert.throws(
      () => read(listed),
      /has 2 documents; .*\n {2}1: SeccompProfile nginx .*\n {2}2: SeccompProfile redis/,
    );
  });

  it('is read at the one that is chosen, by name or by number, in streams and Lists', () => {
    for (const text of [two, stream(list(resource('nginx', 'read'), resource('redis', 'write')))]) {
      assert.equal(read(text, 'redis').name, 'redis');
      assert.equal(read(text, '1').name, 'nginx');
      assert.equal(read(text, '2').name, 'redis');
      assert.throws(
        () => read(text, 'apache'),
        /has no document "apache"; only one is read at a time\n {2}1: SeccompProfile nginx/,
      );
      assert.throws(() => read(text, '3'), /has no document "3"/);
    }
    const same = stream(resource('nginx', 'read'), resource('nginx', 'write'));
    assert.throws(() => read(same, 'nginx'), /has several documents "nginx"/);
    assert.equal(read(same, '2').kind, 'Seccomp');
    assert.throws(() => read(stream(namespace, resource('nginx', 'read')), 'profiles'), /not a known profile format/);
  });

  it('passes over no resource that may be misspelt', () => {
    const misspelt = { ...resource('redis', 'write'), kind: 'SecompProfile' };
    assert.throws(() => read(stream(resource('nginx', 'read'), misspelt)), /has 2 documents/);
    assert.throws(
      () => read(stream(resource('nginx', 'read'), { defaultAction: 'SCMP_ACT_ALLOW' })),
      /has 2 documents/,
    );
  });

  it('is the same as JSON', () => {
    const json = JSON.stringify(list(resource('nginx', 'read'), resource('redis', 'write')), undefined, 1);
    const readJson = (document?: string) =>
      importProfile(Buffer.from(json), 'all.json', document === undefined ? {} : { document });
    assert.throws(() => readJson(), /all\.json has 2 documents.*\n {2}1: SeccompProfile nginx \(all\.json:6:3\)/);
    assert.equal(readJson('redis').name, 'redis');
  });

  it('has errors say where in the file the fault is', () => {
    const wrong = { ...resource('redis', 'write'), spec: { defaultAction: 'SCMP_ACT_NONE' } };
    assert.throws(
      () => read(stream(resource('nginx', 'read'), wrong), 'redis'),
      /^FairleadError: all\.yaml:4:\d+: .*defaultAction/,
    );
    assert.throws(() => read(stream(list())), /a List with no items/);
    assert.throws(() => read(stream(namespace, namespace)), /has 2 documents/);
  });

  it('of one profile is that one: another name is a mistake', () => {
    const one = stream(resource('nginx', 'read'));
    for (const choice of ['nginx', '1']) assert.equal(read(one, choice).name, 'nginx');
    assert.throws(() => read(one, 'redis'), /has no document "redis"/);
    // What has no name is no resource: the option is for another file of the same command.
    assert.equal(
      importProfile(Buffer.from('{"defaultAction": "SCMP_ACT_ERRNO"}'), 'p', { document: 'x' }).kind,
      'Seccomp',
    );
  });
});
