import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { FairleadError } from '#lib/errors';
import { importContainersPolicy } from './import-containers-policy.ts';
import { generateKeyPair } from './key.ts';
import { matchesRepository } from './match.ts';
import { parsePolicy } from './parse-policy.ts';

const accept = [{ type: 'insecureAcceptAnything' }];
const reject = [{ type: 'reject' }];
const signed = (changes: object = {}): object[] => [
  { type: 'sigstoreSigned', keyPath: '/etc/pki/acme.pub', signedIdentity: { type: 'matchRepository' }, ...changes },
];

function imported(docker: Record<string, object[]>, fallback: object[] = reject) {
  const json = JSON.stringify({ default: fallback, transports: { docker, dir: { '': accept } } }, undefined, 2);
  const { policy, keys } = importContainersPolicy(json, 'policy.json');
  // What is made must be a policy of ours, and is read by the parser that reads every other.
  parsePolicy(policy, 'imported.yaml');
  return { rules: parse(policy).rules as object[], keys };
}

function refuses(docker: Record<string, object[]>, message: RegExp, fallback: object[] = reject): void {
  assert.throws(
    () => imported(docker, fallback),
    (error) => {
      assert.ok(error instanceof FairleadError, String(error));
      assert.equal(error.kind, 'InvalidInput');
      assert.match(error.message, message);
      assert.match(error.message, /^policy\.json:\d+:\d+: /);
      return true;
    },
  );
}

describe('importContainersPolicy', () => {
  it('turns scopes into rules, the most specific first', () => {
    const { rules } = imported({
      '': reject,
      'a.example.com': accept,
      'a.example.com/team/app': signed(),
      'a.example.com/team': signed({ signedIdentity: { type: 'exactRepository', dockerRepository: 'up.example/app' } }),
      '*.example.com': accept,
      '*.b.example.com': accept,
    });
    const key = { key: '/etc/pki/acme.pub' };
    assert.deepEqual(rules, [
      { match: 'a.example.com/team/app', require: [key], signedRepository: 'same' },
      { match: 'a.example.com/team/app/**', require: [key], signedRepository: 'same' },
      { match: 'a.example.com/team', require: [key], signedRepository: 'up.example/app' },
      { match: 'a.example.com/team/**', require: [key], signedRepository: 'up.example/app' },
      { match: 'a.example.com/**', unsigned: true },
      { match: '*.b.example.com/**', unsigned: true },
      { match: '*.b.example.com:*/**', unsigned: true },
      { match: '*.example.com/**', unsigned: true },
      { match: '*.example.com:*/**', unsigned: true },
    ]);
  });

  it('takes the default where the transport has none, and its own where it has one', () => {
    assert.deepEqual(imported({}, accept).rules, [{ match: '**', unsigned: true }]);
    assert.deepEqual(imported({ '': reject }, accept).rules, []);
    assert.deepEqual(imported({ '': accept }, reject).rules, [{ match: '**', unsigned: true }]);
    assert.deepEqual(parse(importContainersPolicy('{"default":[{"type":"reject"}]}', 'p').policy).rules, []);
  });

  it('joins several requirements, and several keys of one', () => {
    const [first] = imported({ 'a.b/c': [...accept, ...signed(), ...signed({ keyPath: 'b.pub' })] }).rules;
    assert.deepEqual((first as { require: object }).require, [{ key: '/etc/pki/acme.pub' }, { key: 'b.pub' }]);
    const [requirement] = signed() as { keyPath?: string }[];
    const { keyPath: _, ...without } = requirement ?? {};
    const [any] = imported({ 'a.b/c': [{ ...without, keyPaths: ['a.pub', 'b.pub'] }] }).rules;
    assert.deepEqual((any as { require: object }).require, [{ anyOf: [{ key: 'a.pub' }, { key: 'b.pub' }] }]);
    assert.deepEqual(imported({ 'a.b/c': [...signed(), ...reject] }).rules, []);
  });

  it('gives keys that stood inside files of their own, once each', async () => {
    const { publicKey } = await generateKeyPair();
    const keyData = Buffer.from(publicKey).toString('base64');
    const [{ keyPath: _, ...requirement } = {}] = signed() as { keyPath?: string }[];
    const { rules, keys } = imported({
      'a.b/c': [{ ...requirement, keyData }],
      'a.b/d': [{ ...requirement, keyDatas: [keyData] }],
    });
    assert.deepEqual([...keys], [['imported-1.pub', publicKey]]);
    for (const rule of rules) assert.deepEqual((rule as { require: object }).require, [{ key: 'imported-1.pub' }]);
    refuses({ 'a.b/c': [{ ...requirement, keyData: 'AAAA' }] }, /no public key/);
  });

  it('refuses what it cannot say exactly', () => {
    refuses({ 'a.b/c:v1': accept }, /scope "a\.b\/c:v1" is no registry/);
    refuses({ [`a.b/c@sha256:${'0'.repeat(64)}`]: accept }, /is no registry/);
    refuses({ '*.b/c': accept }, /is no registry/);
    refuses({ 'a*.b': accept }, /is no registry/);
    refuses(
      { 'a.b:443/c': accept, 'a.b/c': signed() },
      /there a\.b:443 is another registry than a\.b, and here the same/,
    );
    refuses({ 'A.b': accept }, /there A\.b is another registry/);
    refuses({ 'a.b/c': [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: 'a.gpg' }] }, /GPG/);
    refuses({ 'a.b/c': signed({ fulcio: { caPath: 'ca', oidcIssuer: 'i', subjectEmail: 'e' } }) }, /fulcio/);
    refuses({ 'a.b/c': signed({ rekorPublicKeyPath: 'rekor.pub' }) }, /rekorPublicKeyPath/);
    refuses({ 'a.b/c': signed({ signedIdentity: undefined }) }, /matchRepoDigestOrExact/);
    refuses({ 'a.b/c': signed({ signedIdentity: { type: 'matchExact' } }) }, /matchExact/);
    refuses(
      { 'a.b/c': signed({ signedIdentity: { type: 'remapIdentity', prefix: 'a', signedPrefix: 'b' } }) },
      /remapIdentity/,
    );
    refuses(
      { 'a.b/c': signed({ signedIdentity: { type: 'exactRepository', dockerRepository: 'busybox' } }) },
      /no full name/,
    );
    refuses({ 'a.b/c': signed({ keyPaths: ['b'] }) }, /exactly one of/);
    refuses({ 'a.b/c': signed({ keyPath: undefined }) }, /exactly one of/);
    refuses({ 'a.b/c': signed({ unknown: 1 }) }, /unknown key "unknown"/);
    refuses({ 'a.b/c': [] }, /at least one requirement/);
    refuses({ 'a.b/c': [{ type: 'other' }] }, /type/);
    const two = [...signed(), ...signed({ signedIdentity: { type: 'exactRepository', dockerRepository: 'a.b/x' } })];
    refuses({ 'a.b/c': two }, /different repositories/);
    assert.throws(() => importContainersPolicy('{"transports":{}}', 'p'), /default is missing/);
    assert.throws(() => importContainersPolicy('{"default":[{"type":"reject"}],"default":[]}', 'p'), /unique/);
  });

  it('refuses scopes that mean another registry there than here', () => {
    for (const scope of ['index.docker.io/acme', 'registry-1.docker.io', 'Registry.example.com/a', '*.docker.io'])
      refuses({ [scope]: signed() }, /is another registry than .*, and here the same/);
    assert.equal(imported({ 'docker.io/acme': signed(), '*.io': signed() }, accept).rules.length > 2, true);
  });

  it('refuses a rejection that something wider would let through', () => {
    refuses({ 'a.b/c': reject }, /rejects part of what the default accepts/, accept);
    refuses({ 'a.b/c/d': reject, 'a.b/c': accept }, /rejects part of what scope a\.b\/c accepts/);
    refuses({ 'x.a.b': reject, '*.a.b': signed() }, /rejects part of what scope \*\.a\.b accepts/);
    refuses({ 'x.a.b:5000/c': reject, '*.a.b': signed() }, /rejects part of what scope \*\.a\.b accepts/);
    assert.equal(imported({ 'a.b/cd': reject, 'a.b/c': accept, 'z.a.bc': reject, '*.a.b': accept }).rules.length, 4);
  });

  it('lets a domain stand for its registries on every port', () => {
    const { rules } = imported({ '*.example.com': signed() }, accept);
    const decides = (repository: string) =>
      (rules as { match: string }[]).find(({ match }) => matchesRepository(match, repository));
    for (const host of ['a.example.com', 'a.b.example.com:8443', 'a.example.com:5000', 'A.example.com:443'])
      assert.ok('require' in (decides(`${host}/x`) ?? {}), host);
    for (const host of ['example.com:8443', 'a.example.com.evil:1', 'a.example.org'])
      assert.ok('unsigned' in (decides(`${host}/x`) ?? {}), host);
  });
});
