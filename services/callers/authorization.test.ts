import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseReference } from '#lib/registry/reference';
import { type Access, authorizeCaller, defaultAuthorization, isAuthorized } from './authorization.ts';
import type { Caller } from './caller.ts';
import { parseAuthorization } from './parse-authorization.ts';

const text = `apiVersion: fairlead.dev/v1
kind: Authorization
issuers:
  - issuer: https://token.actions.githubusercontent.com
  - issuer: https://kubernetes.default.svc
    certificateAuthority: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
    tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token
rules:
  - issuer: https://token.actions.githubusercontent.com
    subject: repo:example/*:ref:refs/heads/main
    claims: {repository: example/*, ref: refs/heads/main}
    verbs: [publish]
    repositories: [registry.example.com/security/**]
    tags: ["1.*", stable]
    kinds: [Seccomp]
  - issuer: https://kubernetes.default.svc
    claims: {kubernetes.io/namespace: ci, groups: admins}
    verbs: [publish, read]
    repositories: [registry.example.com/ci/**]
  - token: true
    verbs: [publish]
    repositories: [registry.example.com/**]
  - anyone: true
    verbs: [read]
    repositories: [registry.example.com/public/*]
`;
const authorization = parseAuthorization(text, 'authorization.yaml');
const github: Caller = {
  method: 'oidc',
  issuer: 'https://token.actions.githubusercontent.com',
  subject: 'repo:example/app:ref:refs/heads/main',
  claims: { repository: 'example/app', ref: 'refs/heads/main' },
};
const pod: Caller = {
  method: 'oidc',
  issuer: 'https://kubernetes.default.svc',
  subject: 'system:serviceaccount:ci:publisher',
  claims: { 'kubernetes.io/namespace': 'ci', groups: ['users', 'admins'] },
};
const anonymous: Caller = { method: 'anonymous' };
const access = (verb: Access['verb'], reference: string, kind?: Access['kind']): Access => ({
  verb,
  reference: parseReference(reference),
  kind,
});
const publishing = access('publish', 'registry.example.com/security/nginx:1.27', 'Seccomp');

describe('isAuthorized', () => {
  it('allows what a rule allows: identity, repository, tag, kind and verb', () => {
    assert.ok(isAuthorized(authorization, github, publishing));
    assert.ok(isAuthorized(authorization, pod, access('read', `registry.example.com/ci/a@sha256:${'a'.repeat(64)}`)));
    assert.ok(isAuthorized(authorization, anonymous, access('read', 'registry.example.com/public/a:1')));
    assert.ok(isAuthorized(authorization, { method: 'token' }, publishing));
    const { rules } = defaultAuthorization;
    assert.equal(rules.length, 2);
    assert.ok(isAuthorized(defaultAuthorization, { method: 'token' }, publishing));
    assert.ok(isAuthorized(defaultAuthorization, anonymous, access('read', 'a.example.com/b')));
    assert.ok(!isAuthorized(defaultAuthorization, anonymous, publishing));
    assert.ok(!isAuthorized(defaultAuthorization, github, publishing));
  });

  it('denies everything else', () => {
    const { claims } = github;
    const denied: [Caller, Access][] = [
      [github, { ...publishing, verb: 'read' }],
      [github, access('publish', 'registry.example.com/security/nginx:2', 'Seccomp')],
      [github, access('publish', 'registry.example.com/security/nginx', 'Seccomp')],
      [github, access('publish', 'registry.example.com/other/nginx:1.27', 'Seccomp')],
      [github, access('publish', 'registry.example.com.evil.example/security/nginx:1.27', 'Seccomp')],
      [github, { ...publishing, kind: 'AppArmor' }],
      [github, { ...publishing, kind: undefined }],
      [{ ...github, issuer: 'https://kubernetes.default.svc' }, publishing],
      [{ ...github, subject: 'repo:other/app:ref:refs/heads/main' }, publishing],
      [{ ...github, claims: { ...claims, ref: 'refs/heads/other' } }, publishing],
      [{ ...github, claims: { repository: 'example/app' } }, publishing],
      [{ ...pod, claims: { ...pod.claims, groups: [] } }, access('read', 'registry.example.com/ci/a')],
      [{ method: 'token' }, access('read', 'registry.example.com/ci/a')],
      [anonymous, publishing],
      [anonymous, access('read', 'registry.example.com/public/a/b')],
    ];
    for (const [caller, wanted] of denied) {
      assert.ok(!isAuthorized(authorization, caller, wanted), JSON.stringify([caller, wanted]));
    }
    assert.ok(isAuthorized(authorization, github, { ...publishing, kind: 'unread' }));
  });

  it('allows nothing without a rule, and no more with a claim removed or altered', () => {
    const value = fc.oneof(fc.string(), fc.constantFrom('example/app', 'example/app/x', 'refs/heads/main'));
    const claim = fc.record({ repository: value, ref: value }, { requiredKeys: [] });
    const subjects = fc.constantFrom('repo:example/a:ref:refs/heads/main', 'repo:example/a:b:ref:refs/heads/main');
    fc.assert(
      fc.property(claim, fc.oneof(subjects, fc.string()), (claims, subject) => {
        const caller: Caller = { ...github, subject, claims };
        assert.ok(!isAuthorized({ ...authorization, rules: [] }, caller, publishing));
        const may = isAuthorized(authorization, caller, publishing);
        const isOwn =
          /^repo:example\/[^/:]*:ref:refs\/heads\/main$/.test(subject) &&
          claims.ref === 'refs/heads/main' &&
          /^example\/[^/:]*$/.test(claims.repository ?? '');
        assert.equal(may, isOwn);
      }),
    );
  });
});

describe('authorizeCaller', () => {
  it('tells anonymous callers to authenticate, and others who they are', () => {
    assert.throws(() => authorizeCaller(authorization, anonymous, publishing), { kind: 'Unauthenticated' });
    assert.throws(() => authorizeCaller(authorization, pod, publishing), {
      kind: 'NotAllowed',
      message:
        'no rule allows "system:serviceaccount:ci:publisher" of https://kubernetes.default.svc to publish a profile of the kind Seccomp to registry.example.com/security/nginx:1.27',
    });
  });
});

describe('parseAuthorization', () => {
  const head = 'apiVersion: fairlead.dev/v1\nkind: Authorization\n';
  const rule = (members: string): string =>
    `${head}issuers: [{issuer: "https://a.example.com"}]\nrules:\n  - {verbs: [read], repositories: ["a.example.com/**"], ${members}}\n`;

  it('allows nothing if the file is empty', () => {
    assert.deepEqual(parseAuthorization('', 'a.yaml').rules, []);
    assert.deepEqual(parseAuthorization(head, 'a.yaml').rules, []);
  });

  it('refuses what is invalid, with its position', () => {
    const cases: [string, RegExp][] = [
      [`${head}rule: []\n`, /^a\.yaml:3:1: unknown key "rule"/],
      [rule('isuer: x'), /^a\.yaml:5:\d+: unknown key "isuer"/],
      [rule('anyone: true, token: true'), /^a\.yaml:5:5: want one of "issuer", "token" and "anyone"/],
      [rule('subject: x'), /^a\.yaml:5:5: want one of/],
      [rule('anyone: true, subject: x'), /"subject" needs "issuer"/],
      [rule('issuer: "https://a.example.com"'), /neither "subject" nor "claims"/],
      [rule('issuer: "https://b.example.com", subject: x'), /^a\.yaml:5:\d+: the issuer .* is not listed/],
      [rule('issuer: "https://a.example.com/", subject: x'), /is not listed/],
      [rule('issuer: "https://a.example.com", subject: "**"'), /the pattern matches everything/],
      [rule('issuer: "https://a.example.com", claims: {ref: "*"}'), /the pattern matches everything/],
      [rule('anyone: true, tags: ["a b"]'), /invalid pattern of a tag/],
      [rule('anyone: true').replace('[read]', '[publish]'), /anonymous callers cannot publish/],
      [rule('anyone: true').replace('a.example.com/**', 'a.example.com'), /invalid pattern .* registry without/],
      [`${head}issuers: [{issuer: "http://a.example.com"}]\n`, /^a\.yaml:3:\d+: invalid issuer .*: want https/],
      [`${head}issuers: [{issuer: "https://a.example.com?x"}]\n`, /without user, query and fragment/],
      [`${head}issuers: [{issuer: "https://a.b", url: "http://c.d"}]\n`, /want https/],
      [`${head}issuers: [{issuer: "https://a.b"}, {issuer: "https://a.b"}]\n`, /is listed twice/],
    ];
    for (const [written, expected] of cases) {
      assert.throws(() => parseAuthorization(written, 'a.yaml'), { kind: 'InvalidInput', message: expected }, written);
    }
    assert.equal(parseAuthorization(`${head}issuers: [{issuer: "http://127.0.0.1:1"}]\n`, 'a.yaml').issuers.length, 1);
  });
});
