import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readYaml } from '../yaml/read-yaml.ts';
import { equalsSelinux } from './diff.ts';
import type { RawSelinuxProfile, SelinuxProfile } from './model.ts';
import { parseRawSelinux, parseSelinux } from './parse.ts';
import { parsePolicy } from './parse-policy.ts';
import { renderSelinuxResource } from './render-resource.ts';
import { allowMap } from './rules.ts';

function document(text: string) {
  return readYaml(new TextEncoder().encode(text), 'p.yaml', { bytes: 1_000_000, depth: 16, values: 100_000 });
}

describe('renderSelinuxResource', () => {
  it('writes a SelinuxProfile', () => {
    const profile: SelinuxProfile = {
      kind: 'SELinux',
      name: 'app',
      mode: 'Enforcing',
      inherit: [{ kind: 'System', name: 'net_container' }],
      allow: allowMap([
        ['var_log_t', 'file', 'read'],
        ['var_log_t', 'file', 'on'],
        ['process', 'fd', 'use'],
      ]),
    };
    assert.equal(
      renderSelinuxResource(profile),
      `apiVersion: security-profiles-operator.x-k8s.io/v1
kind: SelinuxProfile
metadata:
  name: app
spec:
  mode: Enforcing
  inherit:
    - kind: System
      name: container
    - kind: System
      name: net_container
  allow:
    "@self":
      fd: [use]
    var_log_t:
      file: ["on", read]
`,
    );
  });

  it('writes a RawSelinuxProfile that reads the same', () => {
    const policy = parsePolicy('(blockinherit container)(allow process self (fd (use)))(type own_a) ; note', 'policy');
    const profile: RawSelinuxProfile = { kind: 'RawSELinux', name: 'raw', policy };
    const text = renderSelinuxResource(profile);
    assert.match(
      text,
      /\n {2}policy: \|\n {4}\(blockinherit container\)\n {4}\(allow process process \(fd \(use\)\)\)\n/,
    );
    assert.deepEqual(parseRawSelinux(document(text)).profile, profile);
  });

  it('keeps the meaning', () => {
    const word = fc.oneof(
      fc.stringMatching(/^[a-z][a-z0-9_]{0,4}$/),
      fc.constantFrom('no', 'On', 'null', 'y', 'e1', 'true'),
    );
    const any = fc
      .record({
        name: word,
        mode: fc.constantFrom('Enforcing' as const, 'Permissive' as const),
        inherit: fc.array(
          fc.record({ kind: fc.constantFrom('System' as const, 'SelinuxProfile' as const), name: word }),
        ),
        grants: fc.array(fc.tuple(fc.oneof(word, fc.constant('@self')), word, word)),
      })
      .map(({ grants, ...rest }): SelinuxProfile => ({ kind: 'SELinux', allow: allowMap(grants), ...rest }));
    const operators = /\b(?:all|and|or|xor|not|eq|neq|range|dom|domby|incomp|self|notself|other)\b/;
    fc.assert(
      fc.property(any, (profile) => {
        const text = renderSelinuxResource(profile);
        fc.pre(!operators.test(text.replaceAll('"@self"', '')));
        const { profile: again, unknownFields } = parseSelinux(document(text));
        assert.deepEqual(unknownFields, []);
        assert.equal(again.name, profile.name);
        assert.ok(equalsSelinux(again, profile));
        assert.equal(renderSelinuxResource(again), text);
      }),
      { numRuns: 300 },
    );
  });
});
